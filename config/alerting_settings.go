package config

import (
	"bytes"
	"fmt"

	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/smallfile"
)

const (
	keyMaker    = "openssl rand -base64 32"
	minKeyBytes = 32
)

// ReadKey returns the key of pseudonyms that a file holds: its bytes without line
// ends at the end.
func ReadKey(path string) ([]byte, error) {
	data, err := smallfile.Read(path)
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(data, "\r\n"), nil
}

// pseudonymKey reads a file as check wants it. Each of its errors says how to make
// one that is good.
func pseudonymKey(path string) (string, error) {
	key, err := ReadKey(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s; make it with %s", cause(err), keyMaker)
	case len(key) < minKeyBytes:
		return "", fmt.Errorf("holds %d bytes without the end of its line, and a key needs %d; make it with %s", len(key), minKeyBytes, keyMaker)
	}
	return "", nil
}

// Key reads the key of pseudonyms. The error says how to make one.
func (a *Alerting) Key() ([]byte, error) {
	if _, err := pseudonymKey(a.KeyFile); err != nil {
		return nil, fmt.Errorf("alerting.key_file: %s: %w", a.KeyFile, err)
	}
	return ReadKey(a.KeyFile)
}

// Detection returns the settings by which the sessions of a source are judged;
// nil: they are not. key is that of pseudonyms, external where this exporter is
// reached, without a slash at its end, or "".
func (c *Config) Detection(s Source, key []byte, external string) *detection.Settings {
	a := c.Alerting
	if a == nil {
		return nil
	}
	rules := a.Rules
	if own, ok := a.Sources[s.Name]; ok {
		if !own.Enabled {
			return nil
		}
		rules = own.Rules
	}
	return &detection.Settings{
		Key:             key,
		Pseudonymous:    a.Details == DetailsPseudonym,
		ResendDelay:     a.ResendDelay,
		Hold:            a.Hold,
		KeepFiringFor:   a.KeepFiringFor,
		MaxAlerts:       a.MaxAlerts,
		Labels:          a.Labels,
		DashboardURL:    a.DashboardURL,
		ExternalURL:     external,
		Privileged:      rules.Privileged,
		ServiceAccounts: rules.ServiceAccounts,
		SharedNetworks:  rules.SharedNetworks,
		Exceptions:      a.Exceptions,
		Detections:      rules.Detections,
		Locate:          locator(c.Networks),
	}
}

// locator returns a function that says where client addresses are.
func locator(networks []grouping.Network) func(string) (detection.Place, bool) {
	return func(clientIP string) (detection.Place, bool) {
		a, ok := grouping.Address(clientIP)
		if !ok {
			return detection.Place{}, false
		}
		name, _ := grouping.NetworkOf(networks, a)
		return detection.NewPlace(a, name), true
	}
}
