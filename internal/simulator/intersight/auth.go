package intersight

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"iam_session_exporter/internal/simulator/wire"
)

// refusal is a 401.
type refusal struct {
	why         string // for tests
	id, message string // for the client
	params      []string
}

// authorize checks who asks; nil is welcome.
func (i *Handler) authorize(r *http.Request, o *Options, body []byte) *refusal {
	if len(o.Keys) == 0 && len(o.Clients) == 0 {
		return nil
	}
	header := r.Header.Get("Authorization")
	scheme, rest, _ := strings.Cut(header, " ")
	switch {
	case header == "":
		return &refusal{"no Authorization header", "iam_cookie_invalid",
			"Cannot process the request. The cookie 'X-Starship-Token' is invalid.", []string{"X-Starship-Token"}}
	case strings.EqualFold(scheme, "Bearer"):
		i.mu.Lock()
		until, ok := i.tokens[strings.TrimSpace(rest)]
		i.mu.Unlock()
		if !ok || !i.now(o).Before(until) {
			return &refusal{"unknown or expired token", "iam_oauth_token_invalid",
				"Cannot perform the operation. The access token is invalid or has expired.", nil}
		}
		return nil
	}
	if err := checkSignature(r, body, o.Keys, i.now(o), o.DateTolerance); err != nil {
		// One answer for whatever is wrong, as the real one gives.
		return &refusal{err.Error(), "iam_api_key_is_invalid",
			"Cannot perform the operation. Invalid API key. Verify the API keyID, status, account and retry.", nil}
	}
	return nil
}

// checkSignature checks a signature of draft-cavage-http-signatures, as the
// server sees the request: its exact target and Host. The error says what is
// wrong.
func checkSignature(r *http.Request, body []byte, keys map[string]crypto.PublicKey, now time.Time, tolerance time.Duration) error {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme != "Signature" {
		return errors.New("the scheme is not Signature")
	}
	params, err := signatureParams(rest)
	if err != nil {
		return err
	}
	key, ok := keys[params["keyId"]]
	if !ok {
		return errors.New("unknown keyId")
	}
	signed := strings.Fields(params["headers"])
	for _, h := range []string{"(request-target)", "host", "date", "digest"} {
		if !slices.Contains(signed, h) {
			return fmt.Errorf("%s is not signed", h)
		}
	}
	sum := sha256.Sum256(body)
	if r.Header.Get("Digest") != "SHA-256="+base64.StdEncoding.EncodeToString(sum[:]) {
		return errors.New("wrong Digest")
	}
	if tolerance == 0 {
		tolerance = 5 * time.Minute
	}
	date, err := time.Parse(http.TimeFormat, r.Header.Get("Date"))
	if err != nil {
		return errors.New("the Date is not an IMF-fixdate")
	}
	if off := now.Sub(date); tolerance > 0 && off.Abs() > tolerance {
		return fmt.Errorf("the Date is off by %s", off)
	}
	message, err := signedText(r, signed)
	if err != nil {
		return err
	}
	signature, err := base64.StdEncoding.DecodeString(params["signature"])
	if err != nil {
		return errors.New("the signature is not base64")
	}
	return verify(key, params["algorithm"], message, signature)
}

// signedText rebuilds the text that was signed.
func signedText(r *http.Request, signed []string) (string, error) {
	lines := make([]string, len(signed))
	for n, h := range signed {
		var value string
		switch h {
		case "(request-target)":
			value = strings.ToLower(r.Method) + " " + r.RequestURI
		case "host":
			value = r.Host
		default:
			values, ok := r.Header[http.CanonicalHeaderKey(h)]
			if !ok || h != strings.ToLower(h) {
				return "", fmt.Errorf("%s is signed but was not sent", h)
			}
			value = strings.Join(values, ", ")
		}
		lines[n] = h + ": " + value
	}
	return strings.Join(lines, "\n"), nil
}

func verify(key crypto.PublicKey, algorithm, message string, signature []byte) error {
	sum := sha256.Sum256([]byte(message))
	switch k := key.(type) {
	case *rsa.PublicKey:
		if algorithm != "rsa-sha256" && algorithm != "hs2019" {
			return errors.New("wrong algorithm for an RSA key")
		}
		if rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], signature) != nil {
			return errors.New("the RSA signature does not verify")
		}
	case *ecdsa.PublicKey:
		if algorithm != "hs2019" {
			return errors.New("wrong algorithm for an EC key")
		}
		if !ecdsa.VerifyASN1(k, sum[:], signature) {
			return errors.New("the EC signature does not verify")
		}
	default:
		return fmt.Errorf("the simulator has no use for a %T", key)
	}
	return nil
}

// signatureParams parses name="value" pairs separated by commas.
func signatureParams(s string) (map[string]string, error) {
	out := make(map[string]string)
	for s = strings.TrimSpace(s); s != ""; {
		name, rest, ok := strings.Cut(s, `="`)
		if !ok {
			return nil, errors.New("malformed Authorization")
		}
		value, rest, ok := strings.Cut(rest, `"`)
		if !ok {
			return nil, errors.New("malformed Authorization")
		}
		out[strings.TrimSpace(name)] = value
		s = strings.TrimSpace(rest)
		if s != "" {
			if s, ok = strings.CutPrefix(s, ","); !ok {
				return nil, errors.New("malformed Authorization")
			}
			s = strings.TrimSpace(s)
		}
	}
	return out, nil
}

// serveToken answers a request for client credentials.
func (i *Handler) serveToken(w http.ResponseWriter, r *http.Request, o *Options, body []byte) {
	refuse := func(status int, code string) {
		w.Header().Set("Content-Type", wire.JSON)
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":%q,"error_description":"The request was refused."}`, code)
	}
	if r.Method != http.MethodPost {
		refuse(http.StatusMethodNotAllowed, "invalid_request")
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		refuse(http.StatusBadRequest, "invalid_request")
		return
	}
	if form.Get("grant_type") != "client_credentials" {
		refuse(http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok && o.TokenStyle != TokenBody {
		// RFC 6749 has both form-encoded within Basic.
		id, _ = url.QueryUnescape(user)
		secret, _ = url.QueryUnescape(password)
	} else if o.TokenStyle == TokenBasic {
		id = ""
	}
	want, ok := o.Clients[id]
	if !ok || subtle.ConstantTimeCompare([]byte(want), []byte(secret)) != 1 {
		i.count(func(s *Stats) { s.Refused++; s.LastRefusal = "wrong client credentials" })
		refuse(http.StatusUnauthorized, "invalid_client")
		return
	}
	life := cmp.Or(max(o.ExpiresIn, 0), 10*time.Minute)
	now := i.now(o)
	token := i.newToken(id, now, life)
	w.Header().Set("Content-Type", wire.JSON)
	w.Header().Set("Cache-Control", "no-store")
	expires := fmt.Sprintf(`"expires_in":%d,`, int(life/time.Second))
	switch o.ExpiresInText {
	case "":
	case "-":
		expires = ""
	default:
		expires = `"expires_in":` + o.ExpiresInText + `,`
	}
	fmt.Fprintf(w, `{"access_token":%q,%s"token_type":"Bearer"}`, token, expires)
}

// newToken makes and remembers a token that looks like the JWT it is not.
func (i *Handler) newToken(client string, now time.Time, life time.Duration) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	var noise [64]byte
	i.random(func(r *rand.Rand) {
		for n := range noise {
			noise[n] = byte(r.Uint32())
		}
	})
	token := part(`{"alg":"ES256","typ":"JWT"}`) + "." +
		part(fmt.Sprintf(`{"aud":["https://www.intersight.com"],"exp":%d,"iat":%d,"sub":%q}`, now.Add(life).Unix(), now.Unix(), client)) +
		"." + part(string(noise[:]))
	i.mu.Lock()
	defer i.mu.Unlock()
	for t, until := range i.tokens {
		if !now.Before(until) {
			delete(i.tokens, t)
		}
	}
	i.tokens[token] = now.Add(life)
	i.stats.Tokens++
	return token
}
