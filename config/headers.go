package config

import (
	"net/http"

	promconfig "github.com/prometheus/common/config"
)

func (o *object) headers() *promconfig.Headers {
	hs, ok := o.optional("http_headers")
	if !ok {
		return nil
	}
	out := &promconfig.Headers{Headers: make(map[string]promconfig.Header)}
	written := make(map[string]string) // by canonical name
	for _, name := range hs.keys() {
		canonical := http.CanonicalHeaderKey(name)
		if problem := headerName(name); problem != "" {
			hs.fail(name, "%s", problem)
			continue
		}
		if first, ok := written[canonical]; ok {
			hs.fail(name, "is the same header as %s; remove one", first)
		}
		written[canonical] = name
		out.Headers[name] = hs.header(name)
	}
	return out
}

func (o *object) header(name string) promconfig.Header {
	h := o.object(name)
	defer h.close()
	h.inline("secrets", "files")
	var out promconfig.Header
	if h.has("values") && secretName(name) {
		h.inline("values", "files")
	} else {
		out.Values = h.texts("values", "[value]")
	}
	files, _ := h.values("files", "[file]")
	for _, v := range files {
		out.Files = append(out.Files, h.d.filePath(v, fileRef{secret: true}))
	}
	if len(out.Values)+len(out.Files) == 0 && !h.given("files") && !h.has("values") {
		h.d.fail(h.line, h.path, "has no value; give it values, or files that hold secret ones")
	}
	return out
}

// headerName says why a header can't be set.
func headerName(name string) (problem string) {
	if !isToken(name) {
		return "is not the name of an HTTP header"
	}
	switch canonical := http.CanonicalHeaderKey(name); canonical {
	case "Authorization":
		return "is set by basic_auth, authorization (with credentials_file), oauth2 or api_key; use one of those"
	case "Date", "Digest", "Accept":
		return "is set by the exporter; remove it"
	case "X-Http-Method-Override", "X-Http-Method", "X-Method-Override":
		return "could turn a read into a change, and the API is only ever read; remove it"
	default:
		if _, ok := promconfig.ReservedHeaders[canonical]; ok {
			return "is set by the exporter; remove it"
		}
	}
	return ""
}
