package simulator

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"text/template"
	"time"

	"iam_session_exporter/internal/simulator/intersight"
	"iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// DemoOptions say how to run a demo. The zero value is what the program uses.
type DemoOptions struct {
	Seed       uint64           // default: from the clock
	Clock      func() time.Time // default time.Now
	Dir        string           // where the directory of credentials is made; default the system's
	OAMAddress string           // to listen on; default 127.0.0.1:0

	Alertmanager string // URL of the one that alerts are sent to; "": they are only shown
}

// The lives of a demo are short, so that something happens.
const (
	DemoIdleTimeout = 2 * time.Minute
	DemoLifetime    = 10 * time.Minute
	demoUser        = "monitor"
)

// Demo is both APIs over HTTP in real time, with credentials in files.
type Demo struct {
	World      *world.World
	Intersight *intersight.Handler
	OAM        *oam.Handler

	dir     string
	servers []*Server
	config  []byte
}

// StartDemo starts a demo, populated as if it had been running for a while.
// Close ends it.
func StartDemo(o DemoOptions) (*Demo, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	d := &Demo{World: world.New(demoConfig(o))}
	d.World.Follow(o.Clock)
	if err := d.start(o); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func demoConfig(o DemoOptions) world.Config {
	now := o.Clock()
	return world.Config{
		Seed:      cmp.Or(o.Seed, uint64(now.UnixNano())),
		Start:     now.Truncate(time.Second),
		Users:     120,
		Addresses: 60,
		Stores:    3,
		Roles:     6,
		Rhythm:    world.Wave(12*time.Minute, 0.12),
		Warmup:    30 * time.Minute,
		MaxEvents: 10_000,
		Tick:      time.Second,
		Intersight: world.Population{
			Sessions: 115, Max: 172, MaxPerUser: 32,
			IdleTimeout: DemoIdleTimeout, Lifetime: DemoLifetime,
			Stay: 4 * time.Minute, MinStay: 20 * time.Second,
			LogoutShare: 0.5, TerminatedShare: 0.05, BreakShare: 0.02,
			Linger: time.Minute, Purge: 15 * time.Second,
			FailureShare: 0.1, BruteForce: 4 * time.Minute,
			LockAfter: 5, LockFor: 6 * time.Minute,
			TokenShare: 0.06, OddAddresses: 0.03, Gaps: 0.02,
			Quantum: time.Millisecond,
		},
		OAM: world.Population{
			Sessions: 22, Max: 26, // all of them fit into the window of 28
			IdleTimeout: DemoIdleTimeout, Lifetime: DemoLifetime,
			Stay: 3 * time.Minute, MinStay: 20 * time.Second,
			LogoutShare: 0.6, TerminatedShare: 0.05, BreakShare: 0.05,
			Purge:         10 * time.Second,
			Impersonating: 0.04, OddAddresses: 0.02,
			Quantum: time.Second,
		},
	}
}

func (d *Demo) start(o DemoOptions) (err error) {
	if d.dir, err = os.MkdirTemp(o.Dir, "iam-session-demo-"); err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	key, err := intersight.NewECKey()
	if err != nil {
		return err
	}
	password := make([]byte, 16)
	rand.Read(password)
	keyFile := filepath.Join(d.dir, "intersight.pem")
	passwordFile := filepath.Join(d.dir, "oam-password")
	alertingKey := make([]byte, 32)
	rand.Read(alertingKey)
	alertingKeyFile := filepath.Join(d.dir, "pseudonyms.key")
	if err := errors.Join(
		os.WriteFile(alertingKeyFile, []byte(hex.EncodeToString(alertingKey)+"\n"), 0o600),
		os.WriteFile(keyFile, key.Mislabeled, 0o600),
		os.WriteFile(passwordFile, []byte(hex.EncodeToString(password)+"\n"), 0o600),
	); err != nil {
		return fmt.Errorf("simulator: %w", err)
	}

	d.Intersight = intersight.New(d.World, intersight.Options{
		Seed: o.Seed,
		Keys: map[string]crypto.PublicKey{intersight.KeyID: &key.Private.PublicKey},
		Gzip: true,
	})
	d.OAM = oam.New(d.World, oam.Options{Users: map[string]string{demoUser: hex.EncodeToString(password)}})
	for _, api := range []struct {
		handler http.Handler
		address string
	}{{d.Intersight, ""}, {d.OAM, o.OAMAddress}} {
		s, err := Serve(api.handler, ServeOptions{Address: api.address})
		if err != nil {
			return err
		}
		d.servers = append(d.servers, s)
	}
	d.config, err = demoYAML(demoFile{
		IntersightURL: d.IntersightURL(), KeyID: intersight.KeyID, KeyFile: keyFile,
		OAMURL: d.OAMURL(), User: demoUser, PasswordFile: passwordFile,
		Idle: minutes(DemoIdleTimeout), Lifetime: minutes(DemoLifetime), Stores: d.World.Stores(),
		AlertingKeyFile: alertingKeyFile, Alertmanager: o.Alertmanager,
	})
	return err
}

// IntersightURL is the base URL of the Intersight API.
func (d *Demo) IntersightURL() string { return d.servers[0].URL }

// OAMURL is the base URL of the OAM API.
func (d *Demo) OAMURL() string { return d.servers[1].URL }

// Config is the configuration file of the exporter that scrapes the demo.
func (d *Demo) Config() []byte { return bytes.Clone(d.config) }

// Close stops the servers and removes the credentials.
func (d *Demo) Close() error {
	var errs []error
	for _, s := range d.servers {
		errs = append(errs, s.Close())
	}
	if d.dir != "" {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	return errors.Join(errs...)
}

type demoFile struct {
	IntersightURL, KeyID, KeyFile string
	OAMURL, User, PasswordFile    string
	Idle, Lifetime                string
	Stores                        []string
	AlertingKeyFile, Alertmanager string
}

const demoText = `# Both simulated APIs. Sessions idle after {{.Idle}} and live for {{.Lifetime}} at most.
sources:
  - name: intersight-demo
    api: intersight
    url: {{text .IntersightURL}}
    api_key:
      id: {{text .KeyID}}
      secret_key_file: {{text .KeyFile}}
    identity_providers: true
  - name: oam-demo
    api: oam
    url: {{text .OAMURL}}
    min_interval: 0s
    basic_auth:
      username: {{text .User}}
      password_file: {{text .PasswordFile}}
    identity_stores: [{{range $n, $s := .Stores}}{{if $n}}, {{end}}{{text $s}}{{end}}]
    idle_timeout: {{.Idle}}
    session_lifetime: {{.Lifetime}}
networks:
  offices: [10.0.0.0/8]
  vpn: [100.64.0.0/10]
  homes: [198.18.0.0/15, "2001:db8::/32"]
# Alerts are shown on the status page{{if .Alertmanager}}, and sent.{{else}}; nothing is sent.{{end}}
alerting:
  alertmanagers: [{{if .Alertmanager}}{url: {{text .Alertmanager}}}{{end}}]
  key_file: {{text .AlertingKeyFile}}
  interval: 15s
  hold: 10m
  keep_firing_for: 1m
  shared_networks: [vpn]
  detections:
    concurrent_sessions: {max: 3, for: 30s}
    concurrent_networks: {max: 1, for: 30s}
    unexpected_network: {expect: [{roles: [Account Administrator], networks: [offices, vpn, homes]}]}
    session_age: {max: 8m, privileged: {max: 5m}}
    impersonation_long: {max: 2m}
    shared_address: {enabled: true}
`

func demoYAML(f demoFile) ([]byte, error) {
	t, err := template.New("").Funcs(template.FuncMap{"text": strconv.Quote}).Parse(demoText)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, f); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	return b.Bytes(), nil
}

func minutes(d time.Duration) string { return strconv.Itoa(int(d/time.Minute)) + "m" }
