package httpclient

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// longHex is what an id may look like, and a token or a password as well.
var longHex = regexp.MustCompile("[0-9A-Fa-f]{8,}")

const (
	// minPiece is the length of what an id and a secret may not have in common.
	minPiece = 8
	// minSecret is the length from which a complete secret within an id is more
	// than chance.
	minSecret = 5
)

// withoutEchoes removes from the explanation of an answer each id that has
// something in common with the request or with a secret: a gateway may repeat
// credentials in any field of its answer, and those of other requests as well.
func (c *Client) withoutEchoes(detail string, sent *http.Request) string {
	if !longHex.MatchString(detail) {
		return detail
	}
	secrets := c.secrets(sent)
	for i, s := range secrets {
		secrets[i] = strings.ToLower(s)
	}
	return longHex.ReplaceAllStringFunc(detail, func(id string) string {
		if echoes(strings.ToLower(id), secrets) {
			return "(withheld)"
		}
		return id
	})
}

func echoes(id string, secrets []string) bool {
	for _, s := range secrets {
		if len(s) >= minSecret && strings.Contains(id, s) {
			return true
		}
		for i := 0; i+minPiece <= len(id); i++ {
			if strings.Contains(s, id[i:i+minPiece]) {
				return true
			}
		}
	}
	return false
}

// secrets are what no text may repeat: what the request held, and the credentials
// and tokens that others of the same source hold.
func (c *Client) secrets(sent *http.Request) []string {
	var all []string
	if sent != nil {
		for _, v := range sent.Header {
			all = append(all, v...)
		}
		user, password, _ := sent.BasicAuth()
		all = append(all, user, password, sent.URL.String())
		all = append(all, c.jar.values(sent.URL)...)
	}
	for _, f := range c.secretFiles() {
		// One that can't be read is an error of the next request.
		if text, err := f.Fetch(context.Background()); err == nil {
			all = append(all, text)
		}
	}
	h := c.cfg.HTTP
	all = append(all, string(h.BearerToken), string(h.TLSConfig.Key))
	if b := h.BasicAuth; b != nil {
		all = append(all, b.Username, string(b.Password))
	}
	if a := h.Authorization; a != nil {
		all = append(all, string(a.Credentials))
	}
	if o := h.OAuth2; o != nil {
		all = append(all, string(o.ClientSecret), string(o.ClientCertificateKey), string(o.TLSConfig.Key))
		for _, v := range o.EndpointParams {
			all = append(all, v)
		}
	}
	if c.tokens != nil {
		all = append(all, c.tokens.issued.all()...)
	}
	return all
}

// keptTokens is how many tokens are remembered for the sake of withoutEchoes.
const keptTokens = 4

// recent remembers the latest tokens, those no longer used included. It is safe
// for concurrent use.
type recent struct {
	mu     sync.Mutex
	tokens [keptTokens]string
	next   int
}

func (r *recent) add(token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens[r.next%keptTokens] = token
	r.next++
}

func (r *recent) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	tokens := r.tokens
	return tokens[:]
}
