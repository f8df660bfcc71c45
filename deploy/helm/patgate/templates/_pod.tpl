{{/* The pod of a node, the same in a StatefulSet and a Deployment. */}}
{{- define "patgate.pod" -}}
metadata:
  labels:
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- include "patgate.labels" . | nindent 4 }}
    app.kubernetes.io/component: gateway
  annotations:
    checksum/config: {{ include "patgate.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "patgate.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  # More than shutdown.delay and shutdown.timeout: what was counted is stored after them.
  terminationGracePeriodSeconds: {{ add (int .Values.shutdown.delaySeconds) (int .Values.shutdown.timeoutSeconds) 15 }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  securityContext: {{- toYaml .Values.podSecurityContext | nindent 4 }}
  containers:
    - name: patgate
      image: {{ include "patgate.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve]
      securityContext: {{- toYaml .Values.securityContext | nindent 8 }}
      env:
        - {name: PATGATE_CONFIG, value: /etc/patgate/patgate.yaml}
        - {name: PATGATE_DATA_DIR, value: /data}
        - {name: TMPDIR, value: /tmp}
        # A file of a Secret can be read by a group, and patgate takes no such key file: the key comes by a variable.
        - {name: PATGATE_STORE_KEY_FILE, value: none}
        - name: PATGATE_STORE_KEY
          valueFrom:
            secretKeyRef:
              name: {{ required "sealingKey.existingSecret: name the Secret with the key" .Values.sealingKey.existingSecret | quote }}
              key: {{ .Values.sealingKey.key | quote }}
        {{- if eq .Values.store.type "postgresql" }}
        {{- include "patgate.storeUrl" . | nindent 8 }}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - {name: http, containerPort: 8080}
        - {name: admin, containerPort: 9090}
        {{- if .Values.console.enabled }}
        - {name: console, containerPort: 9091}
        {{- end }}
      startupProbe:
        httpGet: {path: /livez, port: admin}
        {{- toYaml .Values.probes.startup | nindent 8 }}
      livenessProbe:
        httpGet: {path: /livez, port: admin}
        {{- toYaml .Values.probes.liveness | nindent 8 }}
      readinessProbe:
        httpGet: {path: "/readyz{{ if .Values.readyInGrace }}?grace=allow{{ end }}", port: admin}
        {{- toYaml .Values.probes.readiness | nindent 8 }}
      resources: {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/patgate, readOnly: true}
        - {name: data, mountPath: /data}
        - {name: tmp, mountPath: /tmp}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "patgate.fullname" . }}}
    - name: tmp
      emptyDir: {sizeLimit: {{ .Values.temporarySize }}}
    {{- if eq .Values.store.type "postgresql" }}
    - name: data
      emptyDir: {sizeLimit: 64Mi}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- $selector := dict "labelSelector" (dict "matchLabels" (include "patgate.selectorLabels" $ | fromYaml)) }}
    {{- range . }}
    - {{- toYaml (hasKey . "labelSelector" | ternary . (merge (deepCopy .) $selector)) | nindent 6 }}
    {{- end }}
  {{- end }}
{{- end }}
