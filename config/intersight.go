package config

import (
	"strings"

	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/session"
)

func intersightAPI() API {
	return API{
		Name:      session.Intersight,
		Title:     "Intersight",
		Options:   func() Options { return new(IntersightOptions) },
		NoOption:  map[string]string{"": "Intersight reports it"},
		Ways:      []string{"api_key (HTTP signature)", "oauth2"},
		Facts:     session.FactFailedLogins | session.FactLastLogin,
		APIKey:    true,
		TokenPath: "/iam/token",
	}
}

// IntersightOptions are the options of Cisco Intersight.
type IntersightOptions struct{ intersight.Options }

// Keys implements Options.
func (o *IntersightOptions) Keys() []Option {
	keys := FilterKeys{Names: intersight.FilterKeys(), Lists: true}
	return []Option{
		Filter(&o.Filter, "filter", keys,
			"only sessions that match all of it. Default {}: all"),
		Filter(&o.Exclude, "exclude", keys,
			"no session that matches any of it. Default {}: none"),
		Boolean(&o.IdentityProviders, "identity_providers", true,
			"read iam/Users for identity providers and locked users. Default true"),
	}
}

func (o *object) apiKey() *APIKey {
	k, ok := o.optional("api_key")
	if !ok {
		return nil
	}
	defer k.close()
	key := &APIKey{IDFile: k.nameFile("id_file"), SecretKeyFile: k.keyFile("secret_key_file")}
	for _, inline := range []string{"secret_key", "secret", "key", "private_key"} {
		k.inline(inline, "secret_key_file")
	}
	key.ID = k.keyID()
	if !k.given("secret_key_file") {
		k.fail("secret_key_file", "is missing; name the PEM file that holds the key's private part")
	}
	return key
}

// keyID reads the key's id, or refuses it where a file has it.
func (o *object) keyID() string {
	id, ok := o.text("id", "the API key's id")
	id = strings.TrimSpace(id) // often pasted with blanks around it
	switch {
	case o.has("id") && o.has("id_file"):
		o.fail("id_file", "id is also set (line %d); remove one", o.fields["id"].line)
	case !o.has("id") && !o.has("id_file"):
		o.fail("id", "is missing; write the key's id here, or name a file that holds it with id_file")
	case ok && id == "":
		o.fail("id", "is empty; write the key's id, three groups of 24 hexadecimal digits with / between them")
	case strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }):
		o.fail("id", "contains a character that a key's id can't have; write three groups of 24 hexadecimal digits with / between them")
		ok = false
	}
	if ok && id != "" && !usualKeyID(id) {
		o.warn("id", "does not look like an API key's id, which is three groups of 24 hexadecimal digits with / between them")
	}
	return id
}

func usualKeyID(s string) bool {
	parts := strings.Split(s, "/")
	for _, p := range parts {
		if len(p) != 24 || strings.Trim(p, "0123456789abcdefABCDEF") != "" {
			return false
		}
	}
	return len(parts) == 3
}
