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

func (k *APIKey) keys() []Option {
	return []Option{
		custom("id", "59c84e4a16267c0001c23428/59cc595416267c0001a0dfc7/62b4b2f07564612d3398be43", "the key's id; or id_file",
			func() schema { return textLike(`^\s*[!#-\[\]-~]+\s*$`) }, func(o *object) { k.ID = o.keyID() }),
		nameFile(&k.IDFile, "id_file", "intersight.id", "the file that holds the id, instead of id").not("id"),
		inline("secret_key", "secret_key_file"),
		inline("secret", "secret_key_file"),
		inline("key", "secret_key_file"),
		inline("private_key", "secret_key_file"),
		keyFile(&k.SecretKeyFile, "secret_key_file", "intersight.pem", "required: the private key, PEM").must("name the PEM file that holds the key's private part"),
	}
}

func (o *object) apiKey() *APIKey {
	k, ok := o.optional("api_key")
	if !ok {
		return nil
	}
	defer k.close()
	key := new(APIKey)
	k.read(key.keys())
	return key
}

// keyID reads the key's id, or refuses it where a file has it.
func (o *object) keyID() string {
	id, ok := o.text("id", "the API key's id")
	id = strings.TrimSpace(id) // often pasted with blanks around it
	switch {
	case o.has("id") && o.has("id_file"):
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
