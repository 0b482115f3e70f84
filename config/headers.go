package config

import (
	"net/http"
	"slices"

	promconfig "github.com/prometheus/common/config"
)

// headersSchema: what a header's values may be also depends on whether its name
// looks like a secret's, which a schema can't say.
func headersSchema() schema {
	var refused []string
	for name := range refusedHeaders() {
		refused = append(refused, anyCase(name))
	}
	slices.Sort(refused)
	header := mapping(headerKeys(new(promconfig.Header)), needOne("values", "files"))
	return anyMapping(tokenPattern, header.with(schema{"type": "object"}), words(refused))
}

func (o *object) headers() *promconfig.Headers {
	hs, ok := o.optional("http_headers")
	if !ok {
		return nil
	}
	out := &promconfig.Headers{Headers: make(map[string]promconfig.Header)}
	refused := refusedHeaders()
	written := make(map[string]string) // by canonical name
	for _, name := range hs.keys() {
		canonical := http.CanonicalHeaderKey(name)
		problem := refused[canonical]
		if !isToken(name) {
			problem = "is not the name of an HTTP header"
		}
		if problem != "" {
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
	var out promconfig.Header
	keys := headerKeys(&out)
	if h.has("values") && secretName(name) {
		keys[0] = inline("values", "files")
	}
	h.read(keys)
	if len(out.Values)+len(out.Files) == 0 && !h.given("files") && !h.has("values") {
		h.d.fail(h.line, h.path, "has no value; give it values, or files that hold secret ones")
	}
	return out
}

// headerKeys are those of a header, values first.
func headerKeys(h *promconfig.Header) []Option {
	return []Option{
		custom("values", "[emea]", "what everybody may see", func() schema { return listOf(notEmpty()) },
			func(o *object) { h.Values = o.texts("values", "[value]") }),
		inline("secrets", "files"),
		custom("files", "[gateway-key]", "the content of each file is a value", func() schema { return listOf(fileName()) },
			func(o *object) {
				files, _ := o.values("files", "[file]")
				for _, v := range files {
					h.Files = append(h.Files, o.d.filePath(v, fileRef{secret: true}))
				}
			}),
	}
}

// refusedHeaders says why some headers can't be set, by canonical name.
func refusedHeaders() map[string]string {
	const (
		exporters = "is set by the exporter; remove it"
		override  = "could turn a read into a change, and the API is only ever read; remove it"
	)
	all := map[string]string{"Date": exporters, "Digest": exporters, "Accept": exporters,
		"X-Http-Method-Override": override, "X-Http-Method": override, "X-Method-Override": override}
	for name := range promconfig.ReservedHeaders {
		all[name] = exporters
	}
	all["Authorization"] = "is set by basic_auth, authorization (with credentials_file), oauth2 or api_key; use one of those"
	return all
}
