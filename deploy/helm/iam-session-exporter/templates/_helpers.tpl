{{/* The release's name, with the chart's. At most 52 bytes: pods of a StatefulSet have a label with a hash behind its name, and a label has 63. */}}
{{- define "iam-session-exporter.fullname" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) -}}
{{- $name = printf "%s-%s" $name .Chart.Name -}}
{{- end -}}
{{- .Values.fullnameOverride | default $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "iam-session-exporter.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The metadata of an object: (dict "root" $ "name" NAME "suffix" SUFFIX "labels" dict "annotations" dict), all but root optional. */}}
{{- define "iam-session-exporter.metadata" -}}
{{- $root := .root -}}
{{- $own := dict "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
      "app.kubernetes.io/managed-by" $root.Release.Service "app.kubernetes.io/version" ($root.Chart.AppVersion | replace "+" "_" | trunc 63) -}}
metadata:
  name: {{ .name | default (include "iam-session-exporter.fullname" $root) }}{{ .suffix }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- merge (include "iam-session-exporter.selector" $root | fromYaml) $own (.labels | default dict) $root.Values.commonLabels | toYaml | nindent 4 }}
  {{- with merge dict (.annotations | default dict) $root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "iam-session-exporter.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "iam-session-exporter.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "iam-session-exporter.image" -}}
{{- with .Values.image -}}
{{- with .registry }}{{ trimSuffix "/" . }}/{{ end }}{{ .repository }}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* The text of the configuration. */}}
{{- define "iam-session-exporter.config" -}}
{{- kindIs "string" .Values.config | ternary .Values.config (toYaml .Values.config) -}}
{{- end -}}

{{/* The regular expression of the sources that only /probe has; empty without any. */}}
{{- define "iam-session-exporter.probed" -}}
{{- $names := .Values.scrapeConfig.sources -}}
{{- range (include "iam-session-exporter.config" . | fromYaml).sources -}}
{{- if .probe_only }}{{ $names = append $names (.name | toString) }}{{ end -}}
{{- end -}}
{{- $quoted := list -}}
{{- range $names }}{{ $quoted = append $quoted (regexQuoteMeta .) }}{{ end -}}
{{- join "|" $quoted -}}
{{- end -}}

{{/* A file of the chart with the links of the values: (dict "root" $ "name" "rules.yml"). In a clone the files are symbolic links. */}}
{{- define "iam-session-exporter.file" -}}
{{- $text := printf "files/%s" .name | .root.Files.Get -}}
{{- if lt (len $text) 1000 }}{{ fail (printf "files/%s is not what it links to: without symbolic links use the packaged chart (make chart)" .name) }}{{ end -}}
{{- $external := .root.Values.web.externalURL -}}
{{- $runbooks := .root.Values.links.runbooks | default (ternary (printf "%s/runbooks" (trimSuffix "/" $external)) "" (ne $external "")) -}}
{{- with $runbooks }}{{ $text = replace "http://localhost:10987/runbooks" (trimSuffix "/" .) $text }}{{ end -}}
{{- with .root.Values.links.grafana }}{{ $text = replace "http://localhost:3000" (trimSuffix "/" .) $text }}{{ end -}}
{{- $text -}}
{{- end -}}

{{/* Nine tenths of a quantity of memory, as GOMEMLIMIT. */}}
{{- define "iam-session-exporter.memlimit" -}}
{{- $units := dict "k" 1e3 "M" 1e6 "G" 1e9 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 -}}
{{- $unit := get $units (regexFind "[A-Za-z]+$" .) | default 1.0 -}}
{{- mulf (regexFind "^[0-9.]+" . | float64) $unit 0.9 | mulf (divf 1 1048576) | floor }}MiB
{{- end -}}

{{/* The ports of the URLs in the configuration, and those of egressPorts. */}}
{{- define "iam-session-exporter.egressPorts" -}}
{{- $ports := list -}}
{{- range .Values.networkPolicy.egressPorts }}{{ $ports = append $ports (toString .) }}{{ end -}}
{{- range regexFindAll "[a-z0-9]+://[^\\s\"'/]+" (include "iam-session-exporter.config" . | fromYaml | toYaml) -1 -}}
{{- $port := regexFind ":[0-9]+$" . | trimPrefix ":" -}}
{{- $ports = append $ports ($port | default (get (dict "http" "80" "https" "443" "socks5" "1080") (splitList ":" . | first))) -}}
{{- end -}}
{{- $ports | compact | uniq | sortAlpha | toJson -}}
{{- end -}}

{{/* Fails where values don't fit each other. */}}
{{- define "iam-session-exporter.check" -}}
{{- $v := .Values -}}
{{- $config := include "iam-session-exporter.config" . | fromYaml -}}
{{- if $config.Error }}{{ fail (printf "config: %s" $config.Error) }}{{ end -}}
{{- if and $v.existingConfigMap $config }}{{ fail "config and existingConfigMap: one of them is enough" }}{{ end -}}
{{- if not (or $v.existingConfigMap $config.sources) }}{{ fail "config.sources is empty: set config to the content of iam_session_exporter.yml, or existingConfigMap" }}{{ end -}}
{{- if and $config $v.scrapeConfig.sources }}{{ fail "scrapeConfig.sources is for existingConfigMap: with config, set probe_only of the sources" }}{{ end -}}
{{- if and $v.networkPolicy.enabled $v.existingConfigMap (not $v.networkPolicy.egressPorts) }}{{ fail "networkPolicy.egressPorts: with existingConfigMap, name the ports of the sources and Alertmanagers, such as [443, 9093]" }}{{ end -}}
{{- if and (or $v.web.tls $v.web.client) (not $v.web.existingSecret) }}{{ fail "web.tls and web.client need web.existingSecret, with web-config.yml" }}{{ end -}}
{{- with regexFind "(?m)^[ -]*(password|credentials|client_secret|client_certificate_key): *\\S" (toYaml $config) }}{{ $key := splitList ":" . | first | trimAll " -" }}{{ fail (printf "config: secrets belong into existingSecrets: %s_file instead of %s" $key $key) }}{{ end -}}
{{- $files := list -}}
{{- $known := not $v.caConfigMap -}}
{{- range $v.existingSecrets -}}
{{- if .items }}{{ $files = concat $files (values .items) }}{{ else }}{{ $known = false }}{{ end -}}
{{- end -}}
{{- if $known -}}
{{- range regexFindAll "_file: [^\\s\"']+" (toYaml $config) -1 -}}
{{- $file := trimPrefix "_file: " . -}}
{{- if not (or (hasPrefix "/" $file) (contains "$" $file) (has $file $files)) }}{{ fail (printf "config names the file %s, which existingSecrets lack" $file) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
