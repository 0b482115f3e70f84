package endtoend

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
)

// cost is the most that an attack may cost.
type cost struct {
	scrape   time.Duration // of both sources; they are asked at once
	requests int           // of one source in one scrape
}

// hostileMemory is the most that the process may ever hold, in MiB, with an
// Intersight and an OAM that both do it.
const hostileMemory = 200

// attack is what both APIs do in each scrape.
type attack struct {
	api     string // what the API does
	does    string // what the exporter does
	reasons string // that its failures may have
	most    cost

	serve func(api session.API, well http.Handler) http.Handler
	http2 simulator.HTTP2Fault // where it is other than 0, over TLS
}

// hostileTimeout is that of the sources.
const hostileTimeout = time.Second

func effect(e simulator.Effect) func(session.API, http.Handler) http.Handler {
	return func(_ session.API, well http.Handler) http.Handler { return e.Always(well) }
}

func flood(rows, text, total int) func(session.API, http.Handler) http.Handler {
	return func(api session.API, _ http.Handler) http.Handler {
		n := rows
		if api == session.OAM && rows > 28 && total > 0 {
			n = 28
		}
		return &simulator.Hostile{API: api, Rows: n, Text: text, Names: true, Total: total}
	}
}

// attacks are the rows of docs/hostile-answers.md.
func attacks() []attack {
	quick, full := cost{hostileTimeout / 2, 4}, cost{hostileTimeout, 4}
	well := func(_ session.API, h http.Handler) http.Handler { return h }
	return []attack{
		{"new session ids in each answer, 20,000 sessions in all", "publishes what is listed, remembers at most 200,000 sessions of a source", "timeout", cost{hostileTimeout, 200}, flood(1000, 0, 20_000), 0},
		{"100,000 new sessions in each scrape", "publishes what is listed, remembers at most 200,000 sessions of a source", "timeout, untrusted", cost{10 * hostileTimeout, 200}, flood(1000, 0, 100_000), 0},
		{"texts just below what an answer may hold", "cuts each text at 1 KiB", "timeout, untrusted", cost{hostileTimeout, 200}, flood(28, 20<<10, 28), 0},
		{"texts of 1 MiB", "stops reading at 16 MiB (OAM: 2 MiB)", "decode", full, flood(28, 1<<20, 28), 0},
		{"millions of rows in one answer", "stops reading at 16 MiB (OAM: 2 MiB, 1,000 rows)", "decode", full, flood(5_000_000, 100, 0), 0},
		{"an answer of 1 GiB, compressed to 1 MiB", "stops unpacking at 16 MiB (OAM: 2 MiB)", "decode, timeout", full, effect(simulator.GzipBomb(1 << 30)), 0},
		{"errors without end", "reads the beginning", "http", full, endless(500), 0},
		{"10 MiB of headers", "stops reading at 256 KiB", "decode", full, effect(simulator.GiantHeaders(10 << 20)), 0},
		{"thousands of informational answers", "stops at 256 KiB of headers", "decode", cost{hostileTimeout, 200}, effect(simulator.EarlyHints(5000)), 0},
		{"a flood on the connection after the answer", "closes the connection", "decode, connect, timeout", cost{hostileTimeout, 200}, effect(simulator.FloodAfter()), 0},
		{"HTTP/2: PING without end", "closes the connection", "connect, timeout", cost{hostileTimeout, 200}, well, simulator.HTTP2Pings},
		{"HTTP/2: empty frames without end", "closes the connection", "connect, timeout", cost{hostileTimeout, 200}, well, simulator.HTTP2Empty},
		{"HTTP/2: unknown frames without end", "closes the connection", "connect, timeout", cost{hostileTimeout, 200}, well, simulator.HTTP2Unknown},
		{"HTTP/2: GOAWAY in answer to each request", "opens at most 3 connections for a request", "connect", full, well, simulator.HTTP2Refuse},
		{"HTTP/2: a connection that is dead after one answer", "gives up the connection with the first timeout", "timeout", cost{hostileTimeout, 200}, well, simulator.HTTP2Dead},
		{"`101 Switching Protocols`, and then nothing", "refuses it", "http", quick, effect(simulator.SwitchingProtocols()), 0},
		{"nothing", "waits for its timeout", "timeout", full, effect(simulator.Hang()), 0},
		{"a body that never ends", "waits for its timeout", "timeout", full, effect(simulator.Drip(20 * time.Millisecond)), 0},
		{"an echo of the request", "shows the status only", "http", quick, effect(simulator.Echo(502)), 0},
	}
}

// endless answers an error with a body that does not end.
func endless(status int) func(session.API, http.Handler) http.Handler {
	return func(session.API, http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(status)
			block := []byte(strings.Repeat("x", 64<<10))
			for _, err := w.Write(block); err == nil; {
				_, err = w.Write(block)
			}
		})
	}
}

// beset is the program and two APIs that attack it.
type beset struct {
	*process
	requests [2]*simulator.Faults // they only count
}

func besiege(t *testing.T, a attack) *beset {
	t.Helper()
	b := &beset{}
	dir := t.TempDir()
	key, err := apiKey()
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "key.pem", string(key.Mislabeled))
	write(t, dir, "password", "correct horse")
	timeout := max(hostileTimeout, a.most.scrape)
	if !strings.Contains(a.reasons, "timeout") {
		timeout = time.Minute // however busy the machine
	}
	config := "sources:\n"
	for i, api := range []session.API{session.Intersight, session.OAM} {
		world := simulator.NewStatic(simulator.Static{API: api, Sessions: 300, Now: time.Now()})
		world.Follow(time.Now)
		var well http.Handler = simulator.NewIntersight(world, simulator.IntersightOptions{})
		access := "api_key: {id: " + simulator.KeyID + ", secret_key_file: key.pem}"
		if api == session.OAM {
			well = simulator.NewOAM(world, simulator.OAMOptions{Cookie: true})
			access = "min_interval: 0s, basic_auth: {username: monitor, password_file: password}"
		}
		b.requests[i] = simulator.NewFaults(a.serve(api, well), 1)
		o := simulator.ServeOptions{}
		if a.http2 != simulator.HTTP2Well {
			o.TLS, o.HTTP2 = true, &simulator.HTTP2Faults{}
			o.HTTP2.Set(a.http2)
		}
		server, err := simulator.Serve(b.requests[i], o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		if o.TLS {
			write(t, dir, string(api)+".pem", string(server.CA))
			access += ", tls_config: {ca_file: " + string(api) + ".pem}"
		}
		config += fmt.Sprintf("  - {name: %s, api: %s, url: %q, timeout: %s, %s}\n", api, api, server.URL, timeout, access)
	}
	b.process = run(t, "http", "--config.file="+write(t, dir, "config.yml", config))
	return b
}

// state is what a process holds.
type state struct {
	peak, resident float64 // MiB
	descriptors    int
	cpu            time.Duration
	logged         int // bytes
}

func (b *beset) state() state {
	b.t.Helper()
	dir := fmt.Sprintf("/proc/%d/", b.cmd.Process.Pid)
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		b.t.Fatal(err)
	}
	field := func(name string) float64 {
		_, rest, _ := strings.Cut(string(status), "\n"+name+":")
		n, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		return n
	}
	fds, err := os.ReadDir(dir + "fd")
	if err != nil {
		b.t.Fatal(err)
	}
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		b.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	times := strings.Fields(after)
	ticks := 0
	for _, s := range times[11:13] { // user and system time, in hundredths
		n, _ := strconv.Atoi(s)
		ticks += n
	}
	return state{field("VmHWM") / 1024, field("VmRSS") / 1024, len(fds), time.Duration(ticks) * 10 * time.Millisecond, len(b.err.String())}
}

// waiting is for how long the threads of a process have been ready to run while the
// machine had other things to do: that is not the program's time.
func waiting(t *testing.T, pid int) time.Duration {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("no threads of process %d: %v", pid, err)
	}
	var sum time.Duration
	for _, path := range tasks {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		var ran, waited time.Duration
		if _, err := fmt.Sscan(string(text), &ran, &waited); err != nil {
			t.Fatal(err)
		}
		sum += waited
	}
	return sum
}

// Whatever two APIs answer, and for however long, the program stays small, is
// done in time and asks no more than it should.
func TestWhatHostileAnswersCost(t *testing.T) {
	t.Parallel()
	scrapes := 4
	if os.Getenv("SOAK") != "" {
		scrapes = 240 // an hour, at one each 15 s
	}
	for _, a := range attacks() {
		t.Run(a.api, func(t *testing.T) {
			b := besiege(t, a)
			var half state
			var goroutines [2]string
			slowest, most := time.Duration(0), 0
			for i := range scrapes {
				before := [2]int{b.requests[0].Requests(), b.requests[1].Requests()}
				begin, waited := time.Now(), waiting(t, b.cmd.Process.Pid)+waiting(t, os.Getpid())
				code, page := b.get("/metrics")
				took := time.Since(begin)
				took -= waiting(t, b.cmd.Process.Pid) + waiting(t, os.Getpid()) - waited
				if code != 200 {
					t.Fatalf("%d %s\n%s", code, page, b.err.String())
				}
				slowest = max(slowest, took)
				for k, f := range b.requests {
					most = max(most, f.Requests()-before[k])
				}
				goroutines[1] = value(page, "go_goroutines")
				if i == scrapes/2 {
					half = b.state()
					goroutines[0] = goroutines[1]
				}
				if scrapes > 20 && i%20 == 0 {
					s := b.state()
					t.Logf("scrape %d: peak %.0f MiB, now %.0f MiB", i, s.peak, s.resident)
				}
			}
			end := b.state()
			b.reasons(t, a)
			t.Logf("peak %.0f MiB, now %.0f MiB, slowest %v, %d requests, %s goroutines, %d descriptors, %v of CPU, %d bytes logged",
				end.peak, end.resident, slowest.Round(time.Millisecond), most, goroutines[1], end.descriptors, end.cpu, end.logged)
			if end.peak > hostileMemory {
				t.Errorf("%.0f MiB", end.peak)
			}
			if slowest > a.most.scrape+time.Second {
				t.Errorf("a scrape took %v", slowest)
			}
			if most > a.most.requests+4 { // those given up may arrive late
				t.Errorf("%d requests in a scrape", most)
			}
			if end.logged > 64<<10 {
				t.Errorf("%d bytes of log: %.500s", end.logged, b.err.String())
			}
			b.flat(t, half, end, goroutines)
			b.quiet(t)
		})
	}
}

// reasons looks at what the failures were counted as.
func (b *beset) reasons(t *testing.T, a attack) {
	t.Helper()
	_, page := b.get("/metrics")
	for _, api := range []session.API{session.Intersight, session.OAM} {
		for _, r := range session.Reasons() {
			n := value(page, fmt.Sprintf(`iam_source_errors_total{api=%q,reason=%q,source=%q}`, api, r, api))
			if n != "0" && !strings.Contains(a.reasons, string(r)) {
				t.Errorf("%s: %s errors of %s", api, n, r)
			}
		}
	}
}

// flat compares the second half of a test with the first, in which connections may
// have been given up; a few of them are no growth.
func (b *beset) flat(t *testing.T, half, end state, goroutines [2]string) {
	t.Helper()
	was, _ := strconv.Atoi(goroutines[0])
	is, _ := strconv.Atoi(goroutines[1])
	if is > max(was+10, 40) {
		t.Errorf("%d goroutines, %d before", is, was)
	}
	if end.descriptors > max(half.descriptors+5, 30) {
		t.Errorf("%d descriptors, %d before", end.descriptors, half.descriptors)
	}
	if end.resident > half.resident+hostileMemory/4 {
		t.Errorf("%.0f MiB, %.0f before", end.resident, half.resident)
	}
}

// quiet looks at what the process does while nobody asks it anything, once it has
// collected the garbage of the last scrape.
func (b *beset) quiet(t *testing.T) {
	t.Helper()
	const while = 500 * time.Millisecond
	var spent time.Duration
	for range 10 {
		before := b.state()
		<-time.After(while) // there is no event: nothing should happen
		if spent = b.state().cpu - before.cpu; spent <= while/5 {
			return
		}
	}
	t.Errorf("%v of CPU in %v of rest", spent, while)
}

const hostilePage = "../../docs/hostile-answers.md"

// The page on what hostile answers cost is made from the attacks that are tested.
func TestHostileAnswersPage(t *testing.T) {
	b, err := os.ReadFile(filepath.FromSlash(hostilePage))
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("\n| the API sends | the exporter | reasons of failures, where it fails | requests in a scrape, at most |\n|---|---|---|---|\n")
	for _, a := range attacks() {
		fmt.Fprintf(&table, "| %s | %s | `%s` | %d |\n", a.api, a.does, strings.ReplaceAll(a.reasons, ", ", "`, `"), a.most.requests)
	}
	want := section(t, string(b), "attacks", table.String()+"\n")
	if *update {
		if err := os.WriteFile(hostilePage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(b) != want {
		t.Error("docs/hostile-answers.md does not tell what is tested: make docs")
	}
}
