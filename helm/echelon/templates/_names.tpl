{{/* What things are called. */}}

{{- define "echelon.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for what is appended to it: names of Services have 63 characters at most. */}}
{{- define "echelon.fullname" -}}
{{- $name := include "echelon.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "echelon.selector" -}}
app.kubernetes.io/name: {{ include "echelon.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "echelon.migration.selector" -}}
app.kubernetes.io/name: {{ include "echelon.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: migration
{{- end }}

{{/* What every object carries, beside its selector if it has one. */}}
{{- define "echelon.about" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: echelon
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "echelon.labels" -}}
{{ include "echelon.selector" . }}
{{ include "echelon.about" . }}
{{- end }}

{{- define "echelon.migration.labels" -}}
{{ include "echelon.migration.selector" . }}
{{ include "echelon.about" . }}
{{- end }}

{{- define "echelon.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "echelon.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* A hook runs before the release's own ServiceAccount exists. */}}
{{- define "echelon.migration.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- printf "%s-migrate" (include "echelon.fullname" .) }}
{{- else }}
{{- include "echelon.serviceAccount" . }}
{{- end }}
{{- end }}

{{- define "echelon.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}
