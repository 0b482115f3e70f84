package simulator

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/intersight"
	"iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"
)

func TestDemo(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	now := time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)
	d, err := StartDemo(DemoOptions{Seed: 7, Dir: dir, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Sources []struct {
			Name, API, URL string
			APIKey         struct {
				ID, SecretKeyFile string
			} `yaml:"api_key"`
			BasicAuth struct {
				Username     string
				PasswordFile string `yaml:"password_file"`
			} `yaml:"basic_auth"`
			IdentityProviders bool     `yaml:"identity_providers"`
			MinInterval       string   `yaml:"min_interval"`
			IdentityStores    []string `yaml:"identity_stores"`
			IdleTimeout       string   `yaml:"idle_timeout"`
			Lifetime          string   `yaml:"session_lifetime"`
		}
		Networks map[string][]string
	}
	if err := yaml.Unmarshal(d.Config(), &file); err != nil {
		t.Fatalf("%v in\n%s", err, d.Config())
	}
	if len(file.Sources) != 2 || len(file.Networks) != 3 {
		t.Fatalf("%s; len(file.Sources) = %v, want 2; len(file.Networks) = %v, want 3", d.Config(), len(file.Sources), len(file.Networks))
	}
	in, oam := file.Sources[0], file.Sources[1]
	if !in.IdentityProviders || in.Name != "intersight-demo" || in.API != "intersight" || in.URL != d.IntersightURL() || in.APIKey.ID != intersight.KeyID {
		t.Errorf(`%+v; want Name "intersight-demo", API "intersight", APIKey.ID %v`, in, intersight.KeyID)
	}
	if oam.Name != "oam-demo" || oam.API != "oam" || oam.URL != d.OAMURL() || oam.MinInterval != "0s" || oam.IdleTimeout != "2m" ||
		oam.Lifetime != "10m" || len(oam.IdentityStores) != 3 {
		t.Errorf(`%+v; want Name "oam-demo", API "oam", MinInterval "0s", IdleTimeout "2m", Lifetime "10m", len IdentityStores 3`, oam)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(files) != 3 {
		t.Errorf("%v, %v; want len 3", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v; want %v", f, info.Mode(), os.FileMode(0o600))
		}
	}
	checkDemoAnswers(t, d, string(d.Config()), oam.BasicAuth.Username, oam.BasicAuth.PasswordFile)

	// It moves: something changes in nearly every ten seconds, for an hour.
	changes, outside, impersonating, locked := 0, 0, 0, 0
	stores, logins, ages := map[string]int{}, map[string]int{}, map[int]int{}
	before := d.World.Counts(session.Intersight).Started + d.World.Counts(session.OAM).Started
	for range 360 {
		now = now.Add(10 * time.Second)
		if n := d.World.Len(session.Intersight); n < 80 || n > 150 {
			outside++
		}
		if d.World.Locked() > 0 {
			locked++
		}
		for _, s := range d.World.Truth(session.Intersight) {
			stores[s.Store]++
			logins[s.LoginType]++
			ages[int(now.Sub(s.Created)/(2*time.Minute))]++
		}
		if n := d.World.Len(session.OAM); n < 15 {
			outside++
		} else if n > 26 {
			t.Errorf("%d OAM sessions; want at most 26", n)
		}
		for _, s := range d.World.Truth(session.OAM) {
			if s.Impersonating {
				impersonating++
			}
		}
		after := d.World.Counts(session.Intersight).Started + d.World.Counts(session.OAM).Started
		if after > before {
			changes++
		}
		before = after
	}
	if changes < 330 || outside > 30 {
		t.Errorf("%d changes, %d times outside the population; want at least 330, at most 30", changes, outside)
	}
	c := d.World.Counts(session.Intersight)
	for _, reason := range []string{world.ReasonEnded, world.ReasonTerminated, world.ReasonIdle, world.ReasonExpired} {
		if c.Ended[reason] < 6 {
			t.Errorf("only %d ended for %s; want at least 6", c.Ended[reason], reason)
		}
	}
	if c.LoginsAfterFailures < 20 || c.FailedLogins < 200 {
		t.Errorf("%+v; want LoginsAfterFailures at least 20, FailedLogins at least 200", c)
	}
	if len(stores) != 3 || len(logins) != 2 || len(ages) < 5 {
		t.Errorf("got stores %v, login types %v, ages %v; want 3, 2 and at least 5", stores, logins, ages)
	}
	if locked < 36 || locked > 300 {
		t.Errorf("somebody is locked at %d of 360 looks; want now and then", locked)
	}
	if impersonating == 0 {
		t.Errorf("nobody impersonates; impersonating = %v, want more than 0", impersonating)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v; want len 0", left)
	}
}

func checkDemoAnswers(t *testing.T, d *Demo, config, user, passwordFile string) {
	t.Helper()
	password, err := os.ReadFile(passwordFile)
	if err != nil {
		t.Fatal(err)
	}
	client := d.servers[0].Client()
	defer client.CloseIdleConnections()
	r, _ := http.NewRequest(http.MethodPost, d.OAMURL()+oam.PathSearch, strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+strings.TrimSpace(string(password)))))
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("OAM: %d; want 200", resp.StatusCode)
	}

	_, keyFile, _ := strings.Cut(config, "secret_key_file: \"")
	keyFile, _, _ = strings.Cut(keyFile, `"`)
	text, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block.Type != "EC PRIVATE KEY" {
		t.Errorf(`%v; want "EC PRIVATE KEY"`, block.Type)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	target := intersight.PathSessions + "?$select=Moid&$top=1000"
	r, _ = http.NewRequest(http.MethodGet, d.IntersightURL()+target, nil)
	sign(t, r, key.(crypto.Signer), d.World.Now())
	resp, err = client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("Intersight: %d, %s; want 200", resp.StatusCode, d.Intersight.Stats().LastRefusal)
	}
}

func TestDemoThatCannotListen(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	taken, err := Serve(http.NotFoundHandler(), ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := strings.TrimPrefix(taken.URL, "http://")
	if d, err := StartDemo(DemoOptions{Dir: dir, OAMAddress: address}); err == nil {
		d.Close()
		t.Fatal("it listens on a port that is taken")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v; want len 0", left)
	}
}

// sign signs a GET as an Intersight client does.
func sign(t *testing.T, r *http.Request, key crypto.Signer, now time.Time) {
	t.Helper()
	nothing := sha256.Sum256(nil)
	date, digest := now.UTC().Format(http.TimeFormat), "SHA-256="+base64.StdEncoding.EncodeToString(nothing[:])
	sum := sha256.Sum256([]byte("(request-target): get " + r.URL.RequestURI() + "\nhost: " + r.Host + "\ndate: " + date + "\ndigest: " + digest))
	signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Date", date)
	r.Header.Set("Digest", digest)
	r.Header.Set("Authorization", `Signature keyId="`+intersight.KeyID+`",algorithm="hs2019",headers="(request-target) host date digest",signature="`+
		base64.StdEncoding.EncodeToString(signature)+`"`)
}

// A demo with an Alertmanager sends to it, and one without to nobody.
func TestDemoAlertmanager(t *testing.T) {
	for url, want := range map[string]int{"": 0, "http://alertmanager:9093": 1} {
		d, err := StartDemo(DemoOptions{Seed: 7, Dir: t.TempDir(), Alertmanager: url})
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Alerting struct {
				Alertmanagers []struct{ URL string }
			}
		}
		if err := yaml.Unmarshal(d.Config(), &file); err != nil {
			t.Errorf("%q: %v in\n%s", url, err, d.Config())
		}
		if got := file.Alerting.Alertmanagers; len(got) != want || want == 1 && got[0].URL != url {
			t.Errorf("%q: got Alertmanagers %v, want %d", url, got, want)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}
