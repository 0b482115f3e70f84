package httpclient

import (
	"net/http"
	"regexp"
	"strings"
)

// longHex is what an id may look like, and a token or a password as well.
var longHex = regexp.MustCompile("[0-9A-Fa-f]{8,}")

// withoutEchoes removes from the explanation of an answer each id that the request
// held: a gateway may repeat credentials in any field of its answer.
func withoutEchoes(detail string, sent *http.Request) string {
	if sent == nil {
		return detail
	}
	var values []string
	for _, v := range sent.Header {
		values = append(values, v...)
	}
	user, password, _ := sent.BasicAuth()
	all := strings.ToLower(strings.Join(append(values, user, password, sent.URL.String()), "\n"))
	return longHex.ReplaceAllStringFunc(detail, func(id string) string {
		if strings.Contains(all, strings.ToLower(id)) {
			return "(withheld)"
		}
		return id
	})
}
