{{/* What pods of echelond have in common: the `restricted` level of Kubernetes' pod security, and a root that is read-only. */}}

{{- define "echelon.pod.security" -}}
runAsNonRoot: true
{{- with .Values.user }}
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "echelon.container.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Kubernetes' gRPC probes know no TLS, so that with it the same is asked over HTTP. */}}
{{- define "echelon.probe.ready" -}}
{{- if .Values.tls.existingSecret -}}
httpGet:
  path: /readyz
  port: http
{{- else -}}
grpc:
  port: 7400
{{- end }}
{{- end }}
