package intersight

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

// knownCodes are the values of an error's code (Cisco's OpenAPI, model Error).
func knownCodes() []string {
	return []string{"InternalServerError", "InvalidMethod", "InvalidUrl", "InvalidRequest", "NotSupported", "NotImplemented",
		"NotFound", "AuthenticationFailure", "UnauthorizedOperation", "ValidationConflict", "ServiceUnavailable"}
}

// knownMessageIDs are the values of an error's messageId that help to find its
// cause. Cisco lists none; these were seen.
func knownMessageIDs() []string {
	return []string{"iam_api_key_is_invalid", "iam_cookie_invalid", "iam_invalid_method_operation"}
}

// explain says what an error answer says: its code and messageId if they are known
// words, its trace id, and what to check where the first two are known to mislead.
// The rest of an answer may hold anything: a gateway may repeat what it was sent,
// or what others sent it, in any field.
//
// Error answers have lower-camel keys, unlike all others, and some are served as
// text/plain (intersight-go, model Error; 401s of the live service).
func explain(h http.Header, body []byte) string {
	doc, _ := document(h.Get("Content-Type"), body)
	code, id := identifiers(doc)
	trace := traceID(string(doc.field("traceid").text()))
	if trace == "" {
		trace = traceID(h.Get("X-Starship-Traceid"))
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

// identifiers returns an error's code and messageId; "" for what is no known word.
func identifiers(doc raw) (code, messageID string) {
	return word(doc.field("code"), knownCodes()), word(doc.field("messageid"), knownMessageIDs())
}

func word(v raw, known []string) string {
	if s := string(v.text()); slices.Contains(known, s) {
		return s
	}
	return ""
}

// traceID returns s if it is a trace id as W3C Trace Context and B3 have them: 16
// or 32 hexadecimal digits. Ids of sessions, users and keys have 24, and tokens are
// longer.
func traceID(s string) string {
	if len(s) != 16 && len(s) != 32 || strings.Trim(s, "0123456789abcdefABCDEF") != "" {
		return ""
	}
	return s
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
	doc, _ := document(status.Header.Get("Content-Type"), status.Body)
	if advice(identifiers(doc)) != "" {
		return err
	}
	return &session.Error{Reason: failure.Reason, Err: fmt.Errorf("%w: %s", err, whatToCheck)}
}
