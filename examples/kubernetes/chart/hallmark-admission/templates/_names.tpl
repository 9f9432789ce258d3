{{- define "hallmark-admission.name" -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "hallmark-admission.selector" -}}
app.kubernetes.io/name: hallmark-admission
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "hallmark-admission.labels" -}}
{{ include "hallmark-admission.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "hallmark-admission.image" -}}
{{- $repository := required "image.repository is required: build the image with examples/kubernetes/Containerfile" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ required "image.digest or image.tag is required" .Values.image.tag }}
{{- end -}}
{{- end }}

{{- define "hallmark-admission.trust" -}}
{{- if not (or .Values.trust.files .Values.trust.existingConfigMap) }}
{{- fail "trust.files or trust.existingConfigMap is required: without it nothing could ever run" }}
{{- end -}}
{{ .Values.trust.existingConfigMap | default (printf "%s-trust" (include "hallmark-admission.name" .)) }}
{{- end }}

{{- /* The names of the Service, by the first of which the API server calls it. */ -}}
{{- define "hallmark-admission.host" -}}
{{ include "hallmark-admission.name" . }}.{{ .Release.Namespace }}.svc
{{- end }}

{{- /*
The certificate that Helm makes, and keeps from upgrade to upgrade. Include it
once: each time it makes another.
*/ -}}
{{- define "hallmark-admission.generated" -}}
{{- $there := lookup "v1" "Secret" .Release.Namespace .Values.tls.secretName -}}
{{- if and $there (index $there.data "ca.crt") -}}
{{ dict "ca" (index $there.data "ca.crt") "crt" (index $there.data "tls.crt") "key" (index $there.data "tls.key") | toJson }}
{{- else -}}
{{- $ca := genCA (printf "%s-ca" (include "hallmark-admission.name" .)) (int .Values.tls.validityDays) -}}
{{- $host := include "hallmark-admission.host" . -}}
{{- $cert := genSignedCert $host nil (list $host (printf "%s.cluster.local" $host)) (int .Values.tls.validityDays) $ca -}}
{{ dict "ca" ($ca.Cert | b64enc) "crt" ($cert.Cert | b64enc) "key" ($cert.Key | b64enc) | toJson }}
{{- end -}}
{{- end }}

{{- /* What a webhook's clientConfig is. */ -}}
{{- define "hallmark-admission.client" -}}
{{- if .root.Values.webhook.url -}}
url: {{ printf "%s%s" (trimSuffix "/" .root.Values.webhook.url) .path | quote }}
{{- else -}}
service:
  name: {{ include "hallmark-admission.name" .root }}
  namespace: {{ .root.Release.Namespace }}
  path: {{ .path }}
  port: {{ .root.Values.service.port }}
{{- end }}
{{- if .ca }}
caBundle: {{ .ca }}
{{- end }}
{{- end }}

{{- /* What both webhooks are asked about. */ -}}
{{- define "hallmark-admission.scope" -}}
admissionReviewVersions: [v1]
sideEffects: None
failurePolicy: {{ .Values.webhook.failurePolicy }}
timeoutSeconds: {{ .Values.webhook.timeoutSeconds }}
matchPolicy: Equivalent
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [pods, pods/ephemeralcontainers, replicationcontrollers]
    scope: Namespaced
  - apiGroups: [apps]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [deployments, statefulsets, daemonsets, replicasets]
    scope: Namespaced
  - apiGroups: [batch]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [jobs, cronjobs]
    scope: Namespaced
# This namespace is exempt because its pods are who answers: were they asked
# about themselves, none could start again once all are gone. The others are
# exempt because a cluster cannot start this server without them. Whoever may
# create pods in an exempt namespace passes by: guard them with RBAC. The label
# is set by the API server itself and cannot be forged.
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values: {{ concat (list .Release.Namespace) .Values.webhook.exemptNamespaces | uniq | toJson }}
matchConditions:
  # Something that is being deleted gets no new containers; only its finalizers
  # go. With the server away, nothing could be deleted to its end.
  - name: not-only-going-away
    expression: >-
      request.operation != 'UPDATE'
      || !has(object.metadata.deletionTimestamp)
      || object.spec != oldObject.spec
  {{- with .Values.webhook.matchConditions }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
