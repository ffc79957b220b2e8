{{/* What echelond is told: a file of settings without secrets, and variables that refer to Secrets. */}}

{{/* How the schema is brought up to date: `job` before the release changes, or `start`, by each replica. */}}
{{- define "echelon.migration.mode" -}}
{{- if ne .Values.migration.mode "auto" }}
{{- .Values.migration.mode }}
{{- else if eq .Values.database.kind "existingSecret" -}}
job
{{- else -}}
start
{{- end }}
{{- end }}

{{/* Values as TOML: JSON writes texts, numbers, booleans and lists of them in the same way. */}}
{{- define "echelon.settings.own" -}}
{{- range $name, $value := .Values.config }}
{{ $name }} = {{ toJson $value }}
{{- end }}
{{- end }}

{{- define "echelon.settings" -}}
{{- $address := .Values.bindAddress }}
{{- if contains ":" $address }}{{ $address = printf "[%s]" $address }}{{ end }}
listen = {{ printf "%s:7400" $address | quote }}
http_listen = {{ printf "%s:7401" $address | quote }}
migrate_at_start = {{ eq (include "echelon.migration.mode" .) "start" }}
{{- if .Values.tls.existingSecret }}
tls_certificate = "/etc/echelon/tls/{{ .Values.tls.certificateKey }}"
tls_key = "/etc/echelon/tls/{{ .Values.tls.keyKey }}"
{{- with .Values.tls.clientCaKey }}
tls_client_ca = "/etc/echelon/tls/{{ . }}"
{{- end }}
{{- end }}
{{- include "echelon.settings.own" . }}
{{- end }}

{{/* The seconds of a span such as `10s` or `1m 30s`, rounded up. */}}
{{- define "echelon.seconds" -}}
{{- $units := dict "ms" 0.001 "s" 1.0 "sec" 1.0 "m" 60.0 "min" 60.0 "h" 3600.0 }}
{{- $sum := 0.0 }}
{{- range regexFindAll "[0-9]+ *[a-z]+" . -1 }}
{{- $number := regexFind "[0-9]+" . }}
{{- $sum = addf $sum (mulf (float64 $number) (get $units (regexFind "[a-z]+" .))) }}
{{- end }}
{{- ceil $sum | int64 }}
{{- end }}

{{- define "echelon.database.cluster" -}}
{{- printf "%s-db" (include "echelon.fullname" .) }}
{{- end }}

{{- define "echelon.database.env" -}}
{{- if eq .Values.database.kind "sqlite" -}}
- name: ECHELON_DATABASE
  value: sqlite:///var/lib/echelon/echelon.db
{{- else -}}
- name: ECHELON_DATABASE
  valueFrom:
    secretKeyRef:
      {{- if eq .Values.database.kind "cloudnativepg" }}
      name: {{ include "echelon.database.cluster" . }}-app
      key: uri
      {{- else }}
      name: {{ .Values.database.existingSecret.name }}
      key: {{ .Values.database.existingSecret.key }}
      {{- end }}
{{- end }}
{{- end }}
