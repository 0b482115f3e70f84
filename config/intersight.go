package config

import (
	"strings"

	"iam_session_exporter/internal/session"
)

func intersightAPI() API {
	return API{
		Name:      session.Intersight,
		Title:     "Intersight",
		NoOptions: "Intersight tells by itself",
		Ways:      []string{"api_key (HTTP signature)", "oauth2"},
		APIKey:    true,
		TokenPath: "/iam/token",
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
	id, ok := k.text("id", "the API key's id")
	key.ID = strings.TrimSpace(id) // often pasted with blanks around it
	switch {
	case k.has("id") && k.has("id_file"):
		k.fail("id_file", "id is given too (line %d); remove one", k.fields["id"].line)
	case !k.has("id") && !k.has("id_file"):
		k.fail("id", "is missing; write the key's id here, or name a file that holds it with id_file")
	case ok && key.ID == "":
		k.fail("id", "is empty; write the key's id, three groups of 24 hexadecimal digits with / between them")
	case strings.ContainsFunc(key.ID, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }):
		k.fail("id", "holds a character that can't be in a key's id; write three groups of 24 hexadecimal digits with / between them")
		ok = false
	}
	if ok && key.ID != "" && !usualKeyID(key.ID) {
		k.warn("id", "does not look like an API key's id, which is three groups of 24 hexadecimal digits with / between them")
	}
	if !k.given("secret_key_file") {
		k.fail("secret_key_file", "is missing; name the PEM file that holds the key's private part")
	}
	return key
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
