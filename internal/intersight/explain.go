package intersight

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

// explain says what an error answer says: its code, messageId and traceId, and
// what to check where the first two are known to mislead. The answer's message
// is left out, as it may quote user data.
//
// Error answers have lower-camel keys, unlike all others, and some are served as
// text/plain (intersight-go, model Error; 401s of the live service).
func explain(h http.Header, body []byte) string {
	doc, _ := document(body)
	code := identifier(doc.field("code"))
	id := identifier(doc.field("messageId"))
	trace := identifier(doc.field("traceId"))
	if trace == "" {
		trace = word(h.Get("X-Starship-Traceid"))
	}
	var parts []string
	for _, p := range [...]struct{ name, value string }{{"code", code}, {"messageId", id}, {"traceId", trace}} {
		if p.value != "" {
			parts = append(parts, p.name+" "+p.value)
		}
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		parts = append(parts, "HTML or XML: the answer of a proxy or another server?")
	}
	if a := advice(code, id); a != "" {
		parts = append(parts, a)
	}
	return strings.Join(parts, ", ")
}

// advice helps with answers that look alike for several causes.
func advice(code, messageID string) string {
	switch {
	case messageID == "iam_api_key_is_invalid":
		return "the API answers alike to a wrong clock, host, key or request encoding: check this machine's clock, the url's host, the key id and its secret key file"
	case messageID == "iam_cookie_invalid":
		return "the Authorization header did not arrive or was not understood: check for a proxy or redirect that strips it"
	case code == "AuthenticationFailure":
		return whatToCheck
	}
	return ""
}

const whatToCheck = "check this machine's clock, the url's host, and the key or client and its secret"

// advise adds what to check to a 401 that says nothing we know.
func advise(err error, h promconfig.HTTPClientConfig) error {
	failure, ok := errors.AsType[*session.Error](err)
	status, is := errors.AsType[*httpclient.StatusError](err)
	// With OAuth2 the refusal may be the token endpoint's, with a text of its own.
	if !ok || !is || status.Code != http.StatusUnauthorized || h.OAuth2 != nil {
		return err
	}
	doc, _ := document(status.Body)
	if advice(identifier(doc.field("code")), identifier(doc.field("messageId"))) != "" {
		return err
	}
	return &session.Error{Reason: failure.Reason, Err: fmt.Errorf("%w: %s", err, whatToCheck)}
}

const maxWord = 96

func identifier(v raw) string { return word(string(v.text())) }

// word returns s if it looks like an identifier or a trace id, cut to a sane
// length, and nothing otherwise.
func word(s string) string {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.:/+=", r)) {
			return ""
		}
	}
	return s[:min(len(s), maxWord)]
}
