{{/* What cannot be meant. */}}
{{- define "patgate.check" -}}
{{- $v := .Values }}
{{- if and (eq $v.store.type "sqlite") (gt (int $v.replicaCount) 1) }}
{{- fail "replicaCount: a SQLite database has one node; for several, set store.type to postgresql" }}
{{- end }}
{{- range $key := list "listen" "reuse_port" "admin" "shutdown" "data_dir" }}
{{- if hasKey $v.config $key }}{{ fail (printf "config.%s: the chart sets it; see its values" $key) }}{{ end }}
{{- end }}
{{- range $key := list "listen" "public_url" }}
{{- if hasKey (get $v.config "console" | default dict) $key }}
{{- fail (printf "config.console.%s: the chart sets it; see console" $key) }}
{{- end }}
{{- end }}
{{- range $key, $_ := $v.config }}
{{- if contains "." $key }}{{ fail (printf "config.%s: write it as a key below a key" $key) }}{{ end }}
{{- end }}
{{- range $section, $keys := dict "store" (list "database" "url" "key_file" "key") "leak_reports" (list "gitlab_token") }}
{{- range $key := $keys }}
{{- if hasKey (get $v.config $section | default dict) $key }}
{{- fail (printf "config.%s.%s: a ConfigMap is no place for it; see store, sealingKey and extraEnv" $section $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $section := list "upstream" "registry" }}
{{- if contains "@" (get (get $v.config $section | default dict) "proxy" | default "") }}
{{- fail (printf "config.%s.proxy: a ConfigMap is no place for its password; give it by extraEnv from a Secret" $section) }}
{{- end }}
{{- end }}
{{- $own := list "TMPDIR" "PATGATE_CONFIG" "PATGATE_DATA_DIR" "PATGATE_LISTEN" "PATGATE_REUSE_PORT" "PATGATE_ADMIN_LISTEN" }}
{{- $own = concat $own (list "PATGATE_CONSOLE_LISTEN" "PATGATE_CONSOLE_PUBLIC_URL" "PATGATE_SHUTDOWN_DELAY" "PATGATE_SHUTDOWN_TIMEOUT") }}
{{- $own = concat $own (list "PATGATE_STORE_DATABASE" "PATGATE_STORE_URL" "PATGATE_STORE_KEY" "PATGATE_STORE_KEY_FILE") }}
{{- range $v.extraEnv }}
{{- if has .name $own }}{{ fail (printf "extraEnv: %s: the chart sets it; see its values" .name) }}{{ end }}
{{- end }}
{{- if and $v.networkPolicy.enabled (not $v.networkPolicy.egress) }}
{{- fail "networkPolicy.egress: say where the forge is, and PostgreSQL; nothing else is let out" }}
{{- end }}
{{- end }}

{{/* patgate.yaml: what config says, and what follows from the other values. The kubelet and Prometheus reach the admin listener from
outside the pod: here it listens on every address. */}}
{{- define "patgate.config" -}}
{{- include "patgate.check" . }}
{{- $_ := required "config.upstream.url: say where the forge is" (get (get .Values.config "upstream" | default dict) "url") }}
{{- $shutdown := .Values.shutdown }}
{{- $ends := dict "delay" (printf "%ds" (int $shutdown.delaySeconds)) "timeout" (printf "%ds" (int $shutdown.timeoutSeconds)) }}
{{- $own := dict "listen" ":8080" "admin" (dict "listen" ":9090") "shutdown" $ends }}
{{- if .Values.console.enabled }}
{{- $url := required "console.publicUrl: say under which address browsers reach it" .Values.console.publicUrl }}
{{- $_ := set $own "console" (dict "listen" ":9091" "public_url" $url) }}
{{- end }}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $own) }}
{{- end }}
