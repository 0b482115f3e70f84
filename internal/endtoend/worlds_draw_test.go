package endtoend

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// scenario is a world, how its API answers, what goes wrong and what moves. All
// of it follows from the seed.
type scenario struct {
	api   session.API
	seed  uint64
	rand  *rand.Rand
	world *world.World
	size  int

	charset  faults.Charset
	iopt     simintersight.Options
	oopt     simoam.Options
	forms    []named
	fault    trouble
	movement movement
	queries  int

	identities bool // users and identity providers are asked for
}

// named is an effect with what to call it.
type named struct {
	name   string
	effect faults.Effect
}

func draw(api session.API, seed uint64) *scenario {
	s := &scenario{api: api, seed: seed, rand: rand.New(rand.NewPCG(seed, 41)), queries: 200}
	s.charset = oneOf(s.rand, "", "", "", faults.Windows1252, faults.UTF16, faults.UTF16LE, faults.UTF8Mark, faults.Latin1)
	if api == session.Intersight {
		s.drawIntersight()
	} else {
		s.drawOAM()
	}
	s.size = s.world.Len(api)
	if s.forms = s.drawForms(); len(s.forms) > 0 {
		s.iopt.Gzip = false // they change what is not compressed
	}
	s.fault = s.drawTrouble()
	s.movement = s.drawMovement()
	return s
}

// String is all that there is to know about a scenario.
func (s *scenario) String() string {
	var forms []string
	for _, f := range s.forms {
		forms = append(forms, f.name)
	}
	options := fmt.Sprintf("%+v", s.oopt)
	if s.api == session.Intersight {
		options = fmt.Sprintf("%+v", s.iopt)
	}
	return fmt.Sprintf("WORLD=%s-%d go test -run TestRandomWorlds ./internal/endtoend\n%d sessions; forms: %s; fault: %s; movement: %s; %d queries\n%s",
		s.api, s.seed, s.size, strings.Join(forms, ", "), s.fault.name, s.movement.name, s.queries, options)
}

func (s *scenario) drawIntersight() {
	r := s.rand
	c := world.DefaultConfig()
	c.Seed, c.Users, c.Addresses = s.seed, 1+r.IntN(300), 1+r.IntN(80)
	c.OAM.Sessions, c.Warmup = 0, 8*time.Hour
	p := &c.Intersight
	p.Sessions, p.Max, p.MaxPerUser = r.IntN(120)+oneOf(r, 0, 0, 0, 1500), 0, 0
	p.Linger, p.Purge = oneOf(r, 0, time.Hour), oneOf(r, 0, 10*time.Minute)
	p.OddStatus, p.Gaps, p.OddAddresses, p.Strange = oneOf(r, 0, .1), oneOf(r, 0, .2), oneOf(r, 0, .3), oneOf(r, 0, .3)
	whole := chance(r, .3)
	if whole { // a limit within a second can't be told from its beginning
		p.Quantum = time.Second
	}
	of := rand.New(rand.NewPCG(s.seed, 42)) // users and providers
	s.identities = chance(of, .6)
	p.TokenShare, p.OddLogin = oneOf(of, 0, .1), oneOf(of, 0, .2)
	s.world = world.New(c)
	for i, name := range s.alike() {
		if chance(r, .5) {
			s.world.AddN(s.api, 1+i%3, func(_ int, x *world.Session) { x.Role, x.User = "Rolle "+name, name+"@example.com" })
		}
	}
	s.iopt = simintersight.Options{
		Seed: s.seed, Gzip: chance(r, .5), NoFractions: whole, LimitsStatus: oneOf(r, 0, 0, 404, 403, 500), LimitsAbsent: chance(r, .2),
		Unset:         oneOf(r, simintersight.UnsetMixed, simintersight.UnsetAbsent, simintersight.UnsetNull, simintersight.UnsetZero),
		DateTolerance: -1, // a request that was given up may arrive late
		NoDate:        chance(r, .1), Cookie: chance(r, .3),
		CountIsRows: chance(r, .15),
	}
	if chance(r, .3) {
		s.iopt.Missing = []string{oneOf(r, "Role", "LastLoginTime", "EndTime", "LastLoginClient", "UserIdOrEmail")}
		s.iopt.Refusal = oneOf(r, simintersight.RefuseNaming, simintersight.RefuseMute)
	}
	oddDirectory(of, s.world)
	oddLists(of, &s.iopt)
}

func (s *scenario) drawOAM() {
	r := s.rand
	s.world, s.oopt = oddWorld(r, s.seed), oddServer(r, s.seed)
	past := s.world.Now().Add(-time.Hour)
	add := func(n int, edit func(i int, x *world.Session)) {
		s.world.AddN(s.api, n, func(i int, x *world.Session) {
			x.Created, x.Updated, x.LastAccess, x.Expires = past, past, past.Add(59*time.Minute), past.Add(24*time.Hour)
			edit(i, x)
		})
	}
	for i, name := range s.alike() {
		if chance(r, .3) {
			add(1+i%3, func(_ int, x *world.Session) { x.Store, x.User, x.Role = "Speicher "+name, name, "Rolle "+name })
		}
	}
	if chance(r, .3) {
		strange := []string{"fe80::7%eth0", "10.9.8.7, 203.0.113.7", "10.9.8.6,203.0.113.7", "workstation-7.example.com", "10.9.8.5:4711", "[2001:db8::9]:4711"}
		add(6, func(i int, x *world.Session) { x.ClientIP = strange[i] })
	}
	o := &s.oopt
	o.TotalCap = 0 // another test's subject
	o.Cookie = chance(r, .5)
	o.NoMatch404 = false
	if chance(r, .6) {
		o.NoMatch = simoam.NoMatchForm(r.IntN(int(simoam.NoMatchEmptyList) + 1))
		o.NoMatch404 = chance(r, .3)
	}
	if chance(r, .3) {
		o.Form.RoleAttribute = "role"
		o.Form.Attributes = oneOf(r, simoam.AttributesWrapped, simoam.AttributesList, simoam.AttributesOne)
	}
	s.queries = oneOf(r, 200, 200, 400)
}

// alike are names that differ in one letter, which not every charset has in the
// same place.
func (s *scenario) alike() []string {
	out := []string{"Jürgen", "Jörgen", "Jèrgen", "Jérgen", "Jurgen"}
	if s.charset != faults.Latin1 { // it lacks the others
		out = append(out, "J€rgen", "J–rgen")
	}
	return out
}

func (s *scenario) drawForms() []named {
	r := s.rand
	var out []named
	if chance(r, .2) {
		c := oneOf(r, byte(1), '\t', 0x0b, 0x1b, 0x7f)
		out = append(out, named{fmt.Sprintf("control character %#x", c), faults.RawControls(c)})
	}
	if chance(r, .2) {
		k := oneOf(r, 0, 1, 2)
		out = append(out, named{[]string{"upper case", "lower case", "capitals"}[k], faults.Keys([]func(string) string{strings.ToUpper, strings.ToLower, faults.Capitals}[k])})
	}
	if s.charset != "" {
		out = append(out, named{string(s.charset), faults.In(s.charset)})
	}
	if chance(r, .1) {
		out = append(out, named{"early hints", faults.EarlyHints(2)})
	}
	return out
}

// formed is the API as it answers.
func (s *scenario) formed(h http.Handler) http.Handler {
	for _, f := range s.forms {
		h = f.effect.Always(h)
	}
	return h
}

// class says what may be expected of a scrape that meets a fault.
type class int

const (
	soundFault   class = iota // no fault
	rareFault                 // now and then: seldom down
	onceFault                 // one request: perhaps down for one scrape
	fatalFault                // every request: down
	clockFault                // the Date is wrong: published, but nothing is learnt
	harmfulFault              // an answer that is not what it seems: down, or nothing of it is wrong
)

func (c class) String() string {
	return [...]string{"no fault", "rare faults", "a fault once", "always a fault", "a wrong clock", "a misleading fault"}[c]
}

// trouble is what goes wrong in some of the scrapes.
type trouble struct {
	name   string
	class  class
	effect faults.Effect
	waits  bool         // until the scrape's time is over
	fault  faults.Fault // where and when it falls
}

func (s *scenario) drawTrouble() trouble {
	r := s.rand
	e := func(c class, name string, effect faults.Effect) trouble {
		return trouble{name: name, class: c, effect: effect}
	}
	day := 24 * time.Hour
	off := oneOf(r, -20*day, -3*time.Hour, 3*time.Hour, day, 30*day, 400*day)
	t := oneOf(r,
		e(soundFault, "none", nil), e(soundFault, "none", nil), e(soundFault, "none", nil),
		e(rareFault, "dropped", faults.Dropped()), e(rareFault, "502", faults.Gateway(502)), e(rareFault, "504", faults.Gateway(504)), e(rareFault, "500", faults.Status(500)),
		e(rareFault, "reset", faults.Reset()), e(rareFault, "cut", faults.Cut()), e(rareFault, "408", faults.Gateway(408)),
		e(rareFault, "408 on reuse", faults.TimeoutOnReuse()), e(harmfulFault, "flood after the answer", faults.FloodAfter()),
		e(onceFault, "mute 400", faults.MuteRefusal()), e(onceFault, "gateway's 400", faults.Gateway(400)), e(onceFault, "status 299", faults.Status(299)), e(onceFault, "status 799", faults.Status(799)),
		e(onceFault, "login page", faults.LoginPage()), e(onceFault, "101", faults.SwitchingProtocols()), e(onceFault, "hanging", faults.Hang()),
		e(onceFault, "hanging body", faults.HangBody()), e(onceFault, "echo", faults.Echo(502)), e(onceFault, "404", faults.Status(404)),
		e(harmfulFault, "truncated", faults.Truncated()), e(harmfulFault, "empty", faults.Empty()), e(harmfulFault, "null", faults.JSON("null")),
		e(harmfulFault, "{}", faults.JSON("{}")), e(harmfulFault, "null sessions", faults.JSON(`{"sessions":null}`)),
		e(harmfulFault, "404 now and then", faults.Status(404)), e(harmfulFault, "204", faults.Status(204)),
		e(fatalFault, "101", faults.SwitchingProtocols()), e(fatalFault, "echo", faults.Echo(401)), e(fatalFault, "old cache", faults.Cached(5*time.Minute)),
		e(fatalFault, "503", faults.RetryAfter(503, time.Minute)), e(fatalFault, "400", faults.Gateway(400)), e(fatalFault, "giant headers", faults.GiantHeaders(1<<20)),
		e(clockFault, fmt.Sprintf("a Date off by %s", off), faults.DateOff(off)),
		e(clockFault, fmt.Sprintf("a Date off by %s", off), faults.DateOff(off)),
	)
	t.fault.Effect = t.effect
	t.waits = strings.HasPrefix(t.name, "hanging")
	switch t.class {
	case rareFault, harmfulFault:
		t.fault.Probability = oneOf(r, 1./20, 1./60)
		if t.name == "408 on reuse" || t.name == "flood after the answer" {
			t.fault.Probability = 0
		}
		if s.api == session.Intersight {
			t.fault.Probability *= 4 // it takes few requests
		}
	case onceFault:
		t.fault.From, t.fault.Count = 1+r.IntN(oneOf(r, 2, 60)), 1
	case clockFault:
		if chance(r, .5) {
			t.fault.From, t.fault.Count = 1+r.IntN(3), 1
		}
	}
	return t
}

// movement is what happens to the sessions while a scrape asks.
type movement struct {
	name  string
	every int // requests; 0: nothing moves
	step  func(w *world.World)
}

func (s *scenario) drawMovement() movement {
	r := s.rand
	api := s.api
	every := oneOf(r, 5, 20, 60)
	if api == session.Intersight {
		every = oneOf(r, 1, 2)
	}
	churn := func(w *world.World) { w.Churn(api, 1) }
	add := func(w *world.World) { w.Add(api, nil) }
	remove := func(w *world.World) {
		if all := w.Truth(api); len(all) > 30 {
			w.Remove(api, all[r.IntN(len(all))].ID)
		}
	}
	second := func(step func(*world.World)) func(*world.World) {
		return func(w *world.World) { w.Step(time.Second); step(w) }
	}
	return oneOf(r,
		movement{"none", 0, nil}, movement{"none", 0, nil}, movement{"none", 0, nil},
		movement{fmt.Sprintf("a swap each %d requests", every), every, second(churn)},
		movement{fmt.Sprintf("a swap each %d requests, within a second", every), every, churn},
		movement{fmt.Sprintf("one more each %d requests", every), every, second(add)},
		movement{fmt.Sprintf("one less each %d requests", every), every, second(remove)},
		movement{fmt.Sprintf("a second each %d requests", every), every, func(w *world.World) { w.Step(time.Second) }},
	)
}
