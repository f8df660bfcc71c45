{{/* The name of the chart's things in labels. */}}
{{- define "patgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of what is made: the release's, with the chart's unless it is in it. Room is left for what is put behind it. */}}
{{- define "patgate.fullname" -}}
{{- $name := include "patgate.name" . }}
{{- if .Values.fullnameOverride }}{{ $name = .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}{{ $name = .Release.Name }}
{{- else }}{{ $name = printf "%s-%s" .Release.Name $name }}
{{- end }}
{{- $name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* What tells all pods of the release from others. */}}
{{- define "patgate.releaseLabels" -}}
app.kubernetes.io/name: {{ include "patgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* What tells its nodes from the pods of its Job: Services must not lead to those. */}}
{{- define "patgate.selectorLabels" -}}
{{ include "patgate.releaseLabels" . }}
app.kubernetes.io/component: gateway
{{- end }}

{{/* Labels of everything, but for the component. */}}
{{- define "patgate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "patgate.releaseLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "patgate.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "patgate.fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "patgate.image" -}}
{{- $repository := required "image.repository: say where your image is" .Values.image.repository }}
{{- if .Values.image.digest }}{{ $repository }}@{{ .Values.image.digest }}
{{- else }}{{ $repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{/* The variable with the URL of PostgreSQL. */}}
{{- define "patgate.storeUrl" -}}
- name: PATGATE_STORE_URL
  valueFrom:
    secretKeyRef:
      name: {{ required "store.postgresql.existingSecret: name the Secret with the URL" .Values.store.postgresql.existingSecret | quote }}
      key: {{ .Values.store.postgresql.urlKey | quote }}
{{- end }}
