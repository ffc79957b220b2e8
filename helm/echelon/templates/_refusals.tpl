{{/* Refuses values that cannot work together, all at once, each with what to do. What one value alone tells is in values.schema.json. */}}

{{- define "echelon.refuse" -}}
{{- $faults := list }}
{{- $values := .Values }}
{{- $database := $values.database }}
{{- $kinds := "existingSecret (a PostgreSQL URL in a Secret), cloudnativepg (a Cluster made here) or sqlite (a file on a volume)" }}
{{- if not $database.kind }}
{{- $faults = append $faults (printf "database.kind is not set: choose %s" $kinds) }}
{{- end }}
{{- if and (eq $database.kind "existingSecret") (not $database.existingSecret.name) }}
{{- $faults = append $faults "database.existingSecret.name is not set: name the Secret whose key `url` holds postgres://USER:PASSWORD@HOST/NAME" }}
{{- end }}
{{- if eq $database.kind "sqlite" }}
{{- if ne (int $values.replicas) 1 }}
{{- $faults = append $faults (printf "replicas is %d, but one server at a time serves an SQLite file: set replicas to 1, or choose PostgreSQL by database.kind" (int $values.replicas)) }}
{{- end }}
{{- if $values.autoscaling.enabled }}
{{- $faults = append $faults "autoscaling.enabled is true, but one server at a time serves an SQLite file: set it to false, or choose PostgreSQL by database.kind" }}
{{- end }}
{{- end }}
{{- if and (eq $values.migration.mode "job") (ne $database.kind "existingSecret") }}
{{- $faults = append $faults "migration.mode is job, which runs before this release's database exists: set it to auto or start" }}
{{- end }}
{{- if and $values.autoscaling.enabled (gt (int $values.autoscaling.minReplicas) (int $values.autoscaling.maxReplicas)) }}
{{- $faults = append $faults "autoscaling.minReplicas is above autoscaling.maxReplicas: lower it" }}
{{- end }}
{{- if and $values.ingress.enabled (not $values.ingress.hosts) }}
{{- $faults = append $faults "ingress.hosts is empty: list the host names that clients call" }}
{{- end }}
{{- if and $values.grpcRoute.enabled (not $values.grpcRoute.parentRefs) }}
{{- $faults = append $faults "grpcRoute.parentRefs is empty: name the Gateway, such as {name: public}" }}
{{- end }}
{{- if and $values.tls.clientCaKey (not $values.tls.existingSecret) }}
{{- $faults = append $faults "tls.clientCaKey is set without tls.existingSecret: name the Secret that holds certificate, key and authorities" }}
{{- end }}
{{- $elsewhere := dict
  "database" "database.kind: its URL is a secret"
  "listen" "bindAddress and service.port"
  "http_listen" "bindAddress"
  "migrate_at_start" "migration.mode"
  "otlp_headers" "otlpHeaders.existingSecret: headers are secrets"
  "tls_certificate" "tls.existingSecret"
  "tls_key" "tls.existingSecret"
  "tls_client_ca" "tls.clientCaKey" }}
{{- range $name, $value := $values.config }}
{{- if hasKey $elsewhere $name }}
{{- $faults = append $faults (printf "config.%s is not for the ConfigMap: use %s" $name (get $elsewhere $name)) }}
{{- end }}
{{- end }}
{{- $grace := toString (default "10s" $values.config.shutdown_grace) }}
{{- if not (regexMatch "^([0-9]+ *(ms|s|sec|m|min|h) *)+$" $grace) }}
{{- $faults = append $faults (printf "config.shutdown_grace is %s: write a span in ms, s, m and h, such as 10s or 1m 30s" $grace) }}
{{- end }}
{{- range $values.extraEnv }}
{{- if eq .name "ECHELON_CONFIG" }}
{{- $faults = append $faults "extraEnv sets ECHELON_CONFIG, which the chart does: put settings into config" }}
{{- end }}
{{- end }}
{{- if $faults }}
{{- fail (printf "these values cannot be installed:\n  %s" (join "\n  " $faults)) }}
{{- end }}
{{- end }}
