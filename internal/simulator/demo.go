package simulator

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"text/template"
	"time"

	"iam_session_exporter/internal/session"
)

// DemoOptions say how to run a demo. The zero value is what the program uses.
type DemoOptions struct {
	Seed              uint64           // default: from the clock
	Clock             func() time.Time // default time.Now
	Dir               string           // where the directory of credentials is made; default the system's
	IntersightAddress string           // to listen on; default 127.0.0.1:0
	OAMAddress        string
	Intersight        int // sessions around which it swings; default 115
	OAM               int // default 22. From 25 on it may exceed the window of 28
	OAMOptions        OAMOptions
}

// The lives of a demo are short, so that something happens.
const (
	DemoIdleTimeout = 2 * time.Minute
	DemoLifetime    = 10 * time.Minute
	demoUser        = "monitor"
)

// Demo is both APIs over HTTP in real time, with credentials in files.
type Demo struct {
	World      *World
	Intersight *Intersight
	OAM        *OAM
	// Faults in front of each API; none at first.
	IntersightFaults, OAMFaults *Faults

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
	d := &Demo{World: New(demoConfig(o))}
	d.World.Follow(o.Clock)
	if err := d.start(o); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func demoConfig(o DemoOptions) Config {
	now := o.Clock()
	oam := positive(o.OAM, 22)
	c := Config{
		Seed:      cmp.Or(o.Seed, uint64(now.UnixNano())),
		Start:     now.Truncate(time.Second),
		Users:     120,
		Addresses: 60,
		Stores:    3,
		Roles:     6,
		Rhythm:    Wave(12*time.Minute, 0.12),
		Warmup:    30 * time.Minute,
		MaxEvents: 10_000,
		Tick:      time.Second,
		Intersight: Population{
			Sessions: positive(o.Intersight, 115), MaxPerUser: 32,
			IdleTimeout: DemoIdleTimeout, Lifetime: DemoLifetime,
			Stay: 4 * time.Minute, MinStay: 20 * time.Second,
			LogoutShare: 0.5, TerminatedShare: 0.05, BreakShare: 0.02,
			Linger: time.Minute, Purge: 15 * time.Second,
			FailureShare: 0.1, BruteForce: 4 * time.Minute,
			OddAddresses: 0.03, Gaps: 0.02,
			Quantum: time.Millisecond,
		},
		OAM: Population{
			Sessions:    oam,
			IdleTimeout: DemoIdleTimeout, Lifetime: DemoLifetime,
			Stay: 3 * time.Minute, MinStay: 20 * time.Second,
			LogoutShare: 0.6, TerminatedShare: 0.05, BreakShare: 0.05,
			Purge:         10 * time.Second,
			Impersonating: 0.04, OddAddresses: 0.02,
			Quantum: time.Second,
		},
	}
	c.Intersight.Max = max(160, c.Intersight.Sessions*3/2)
	if oam < 25 {
		c.OAM.Max = 26
	}
	return c
}

func (d *Demo) start(o DemoOptions) (err error) {
	if d.dir, err = os.MkdirTemp(o.Dir, "iam-session-demo-"); err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	key, err := NewECKey()
	if err != nil {
		return err
	}
	password := make([]byte, 16)
	rand.Read(password)
	keyFile := filepath.Join(d.dir, "intersight.pem")
	passwordFile := filepath.Join(d.dir, "oam-password")
	if err := errors.Join(
		os.WriteFile(keyFile, key.Mislabeled, 0o600),
		os.WriteFile(passwordFile, []byte(hex.EncodeToString(password)+"\n"), 0o600),
	); err != nil {
		return fmt.Errorf("simulator: %w", err)
	}

	d.Intersight = NewIntersight(d.World, IntersightOptions{
		Seed: o.Seed,
		Keys: map[string]crypto.PublicKey{KeyID: &key.Private.PublicKey},
		Gzip: true,
	})
	options := o.OAMOptions
	options.Users = map[string]string{demoUser: hex.EncodeToString(password)}
	d.OAM = NewOAM(d.World, options)
	d.IntersightFaults = NewFaults(d.Intersight, o.Seed)
	d.OAMFaults = NewFaults(d.OAM, o.Seed)
	for _, one := range []struct {
		faults  *Faults
		address string
	}{{d.IntersightFaults, o.IntersightAddress}, {d.OAMFaults, o.OAMAddress}} {
		s, err := Serve(one.faults, ServeOptions{Address: one.address})
		if err != nil {
			return err
		}
		d.servers = append(d.servers, s)
	}
	d.config, err = demoYAML(demoFile{
		IntersightURL: d.IntersightURL(), KeyID: KeyID, KeyFile: keyFile,
		OAMURL: d.OAMURL(), User: demoUser, PasswordFile: passwordFile,
		Idle: minutes(DemoIdleTimeout), Lifetime: minutes(DemoLifetime), Stores: d.World.Stores(),
	})
	return err
}

// IntersightURL is the base URL of the Intersight API.
func (d *Demo) IntersightURL() string { return d.servers[0].URL }

// OAMURL is the base URL of the OAM API.
func (d *Demo) OAMURL() string { return d.servers[1].URL }

// Config is the configuration file of the exporter that scrapes the demo.
func (d *Demo) Config() []byte { return bytes.Clone(d.config) }

// Truth is World.Truth.
func (d *Demo) Truth(api session.API) []Session { return d.World.Truth(api) }

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
}

const demoText = `# Both simulated APIs. Sessions idle after {{.Idle}} and live for {{.Lifetime}} at most.
sources:
  - name: intersight-demo
    api: intersight
    url: {{text .IntersightURL}}
    api_key:
      id: {{text .KeyID}}
      secret_key_file: {{text .KeyFile}}
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
