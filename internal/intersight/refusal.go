package intersight

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// named returns those properties that a 400 names: as a parameter of its message,
// or in quotes. Some of them are words of everyday English, so that one in running
// text means nothing; and a text that names all of them only repeats the request.
func named(h http.Header, body []byte, properties []string) []string {
	doc, err := document(h.Get("Content-Type"), body)
	if err != nil {
		return nil
	}
	var params []string
	list := doc.field("messageparams")
	for _, v := range list.fields {
		params = append(params, string(v.text()))
	}
	for v := range list.items {
		params = append(params, string(v.text()))
	}
	for _, words := range [][]string{params, quoted(doc.field("message").text())} {
		var found []string
		for _, p := range properties {
			if slices.ContainsFunc(words, func(w string) bool { return w == p || strings.HasSuffix(w, "."+p) }) {
				found = append(found, p)
			}
		}
		if 0 < len(found) && (len(found) < len(properties) || len(found) == 1) {
			return found
		}
	}
	return nil
}

var quotedName = regexp.MustCompile("['\"`‘’“”]([A-Za-z0-9_.]+)['\"`‘’“”]")

// quoted returns the names in quotes in a text.
func quoted(text []byte) (words []string) {
	for _, m := range quotedName.FindAllSubmatch(text, -1) {
		words = append(words, string(m[1]))
	}
	return words
}
