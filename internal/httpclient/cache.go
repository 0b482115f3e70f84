package httpclient

import (
	"errors"
	"net/http"
	"strings"
)

var errCached = errors.New("the answer is from a cache, and older than a minute")

// fromCache reports whether a cache on the way says that it has kept the answer
// for more than a minute. What is not a number of seconds says nothing.
func fromCache(h http.Header) bool {
	for _, v := range h.Values("Age") {
		v, _, _ = strings.Cut(v, ",")
		v = strings.TrimLeft(strings.TrimSpace(v), "0")
		if v != "" && strings.Trim(v, "0123456789") == "" && (len(v) > 2 || v > "60") {
			return true
		}
	}
	return false
}
