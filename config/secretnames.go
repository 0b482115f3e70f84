package config

import (
	"slices"
	"strings"
)

// secretName reports whether a header or parameter with this name is likely to
// carry a secret.
func secretName(name string) bool {
	n := plain(name)
	if strings.HasSuffix(n, "type") || strings.HasSuffix(n, "format") { // token_type and the like
		return false
	}
	for _, word := range []string{"auth", "cookie", "token", "secret", "passw", "passphrase", "credential",
		"apikey", "session", "signature", "assertion"} {
		if strings.Contains(n, word) {
			return true
		}
	}
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	return slices.Contains(words, "key") || n == "code"
}
