package world

import "time"

// Config describes a moving world. DefaultConfig gives sensible values to start
// from; New takes what it is given literally, apart from replacing values that
// make no sense (no users, no start) by the defaults.
type Config struct {
	Seed  uint64
	Start time.Time // where the world's clock stands when New returns

	Users     int // people; each has one role, one identity store and a few addresses
	Addresses int // distinct client addresses
	Stores    int // OAM identity stores
	Roles     int // Intersight roles

	Providers []Provider // Intersight's identity providers; nil: DefaultProviders

	// Rhythm is the share of the target populations that is wanted at a time,
	// around 1 when it is busiest. It must be a pure function.
	Rhythm func(time.Time) float64

	// Warmup is how long the world has been running before Start, so that it is
	// populated at Start. What happened then is in no log and no count.
	Warmup time.Duration

	// MaxEvents bounds the event log of each API; 0 keeps everything.
	MaxEvents int

	// Tick is the step of a clock set by World.Follow. With the default of one
	// second the Date header says exactly what the world's time is.
	Tick time.Duration

	Intersight Population
	OAM        Population
}

// Population says how the sessions of one API come and go. Shares are between 0
// and 1; a zero share, rate or limit switches the thing off.
type Population struct {
	Sessions   int // wanted when Rhythm is 1; 0: nobody logs in
	Max        int // sessions that may be listed at once; 0: no limit
	MaxPerUser int // sessions one user may have; 0: no limit

	IdleTimeout time.Duration // 0: never idle
	Lifetime    time.Duration // 0: unlimited

	Stay    time.Duration // mean time a person works before leaving
	MinStay time.Duration // nobody leaves, or is thrown out, sooner

	LogoutShare     float64 // of those who leave: log out
	TerminatedShare float64 // of those who leave: thrown out by an administrator. The rest just stop
	BreakShare      float64 // of accesses: followed by a break longer than IdleTimeout

	// Linger is how long an ended or terminated Intersight session stays listed
	// with that Status; 0: the object is deleted at once. OAM has no such state.
	Linger time.Duration
	// Purge is how long a session stays listed past its expiry and, in
	// Intersight, past its idle limit (OAM keeps idle sessions until they expire).
	Purge time.Duration

	FailureShare float64       // Intersight: of login attempts: fail at first
	BruteForce   time.Duration // Intersight: mean time between brute forces; 0: none
	Figure       Figure        // Intersight: what FailedLogins means

	LockAfter  int           // Intersight: failed logins within LockWindow that lock a local user; 0: none do
	LockWindow time.Duration // default 30 minutes
	LockFor    time.Duration // default 15 minutes

	TokenShare float64 // Intersight: share of sessions with the LoginType tokenexchange
	OddLogin   float64 // Intersight: share of sessions with the LoginType "passkey", or none

	Impersonating float64 // OAM: share of sessions that impersonate

	OddAddresses float64 // share of sessions whose address has a port or is IPv4 within IPv6
	Strange      float64 // share of sessions whose address has a zone, is a list, or a host's name
	Gaps         float64 // share of optional values that are not told at all
	OddStatus    float64 // Intersight: share of sessions with the Status "Locked"
	RandomMoids  bool    // Intersight: Moids do not grow with time

	// Quantum is the grain of the times at which things happen. OAM prints whole
	// seconds; a finer grain there makes it print less than it knows.
	Quantum time.Duration
}

// Figure says which failed logins Intersight's FailedLogins counts. Cisco's one
// sentence about it allows each of these.
type Figure int

const (
	// FigureOfLogin: the failures before the login that made this session, with
	// that login's time as LastLoginTime. It never changes.
	FigureOfLogin Figure = iota
	// FigureOfUser: as FigureOfLogin, but every session of a user shows the
	// figure and time of the user's newest login.
	FigureOfUser
	// FigureLive: the failures since the newest login, on every session of the
	// user, growing as they happen.
	FigureLive
)

// DefaultStart is a Monday morning.
var DefaultStart = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// DefaultConfig returns a world of some 100 Intersight and 300 OAM sessions at
// office hours, with the products' own default limits.
func DefaultConfig() Config {
	return Config{
		Seed:      1,
		Start:     DefaultStart,
		Users:     400,
		Addresses: 150,
		Stores:    4,
		Roles:     8,
		Rhythm:    OfficeHours,
		Warmup:    30 * time.Hour,
		Tick:      time.Second,
		Intersight: Population{
			Sessions: 100, Max: 128, MaxPerUser: 32,
			IdleTimeout: 30 * time.Minute, Lifetime: 16 * time.Hour,
			Stay: 3 * time.Hour, MinStay: 2 * time.Minute,
			LogoutShare: 0.5, TerminatedShare: 0.02, BreakShare: 0.02,
			FailureShare: 0.08, BruteForce: 12 * time.Hour,
			OddAddresses: 0.03, Gaps: 0.02,
			Quantum: time.Millisecond,
		},
		OAM: Population{
			Sessions:    300,
			IdleTimeout: 15 * time.Minute, Lifetime: 24 * time.Hour,
			Stay: 3 * time.Hour, MinStay: 2 * time.Minute,
			LogoutShare: 0.5, TerminatedShare: 0.02, BreakShare: 0.05,
			Purge:         time.Minute,
			Impersonating: 0.02, OddAddresses: 0.01, Gaps: 0.01,
			Quantum: time.Second,
		},
	}
}

func (c Config) filled() Config {
	d := DefaultConfig()
	if c.Start.IsZero() {
		c.Start = d.Start
	}
	c.Start = c.Start.UTC().Round(0)
	c.Users = positive(c.Users, d.Users)
	c.Addresses = positive(c.Addresses, d.Addresses)
	c.Stores = positive(c.Stores, d.Stores)
	c.Roles = positive(c.Roles, d.Roles)
	if c.Rhythm == nil {
		c.Rhythm = Steady
	}
	c.Tick = positive(c.Tick, d.Tick)
	if c.Providers == nil {
		c.Providers = DefaultProviders()
	}
	c.Intersight = c.Intersight.filled(d.Intersight)
	c.OAM = c.OAM.filled(d.OAM)
	return c
}

func (p Population) filled(d Population) Population {
	p.Quantum = positive(p.Quantum, d.Quantum)
	p.LockWindow = positive(p.LockWindow, 30*time.Minute)
	p.LockFor = positive(p.LockFor, 15*time.Minute)
	if p.Stay <= 0 {
		p.Stay = d.Stay
		if p.Lifetime > 0 {
			p.Stay = min(p.Stay, p.Lifetime/3)
		}
	}
	return p
}

func positive[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}
