package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	promconfig "github.com/prometheus/common/config"
)

// Fingerprint identifies the source's effective configuration: 64 hexadecimal
// digits, the same for sources that are configured alike, in whatever way the
// file spells it. It covers the names of secret files, not what they hold.
func (s Source) Fingerprint() string {
	type plain Source // without its redacting MarshalJSON
	v := struct {
		Source  plain
		Connect []map[string][]string
	}{Source: plain(s), Connect: []map[string][]string{connectHeader(s.HTTP.ProxyConfig)}}
	if s.HTTP.OAuth2 != nil {
		v.Connect = append(v.Connect, connectHeader(s.HTTP.OAuth2.ProxyConfig))
	}
	data, err := json.Marshal(v)
	if err != nil {
		// Only a hand-made Source, with claims that JSON does not know, gets here.
		data = []byte(err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// connectHeader returns what Prometheus's own marshalling hides.
func connectHeader(c promconfig.ProxyConfig) map[string][]string { return c.GetProxyConnectHeader() }
