package world

import (
	"fmt"
	"time"

	"iam_session_exporter/internal/session"
)

// Static describes a world of one API's sessions in which nobody does anything.
// A zero value is replaced by its default; a negative share means none.
type Static struct {
	API       session.API
	Seed      uint64
	Now       time.Time // default DefaultStart
	Sessions  int       // exactly so many are listed
	Addresses int       // distinct ones, by Zipf's law of exponent 1.1; default Sessions/10
	Users     int       // by Zipf's law of exponent 0.55; default Sessions/2
	Stores    int       // each user has one; default 3
	Roles     int       // default 8

	Impersonating float64 // OAM; default 0.02
	Idle          float64 // default 0.2
	Expired       float64 // default none; they stay listed for a day

	IdleTimeout time.Duration // default 15m (OAM), 30m (Intersight)
	Lifetime    time.Duration // default 24h (OAM), 16h (Intersight)
}

func (c Static) filled() Static {
	d := DefaultConfig()
	pop := d.Intersight
	if c.API == session.OAM {
		pop = d.OAM
	} else {
		c.API = session.Intersight
	}
	if c.Now.IsZero() {
		c.Now = d.Start
	}
	c.Now = c.Now.UTC().Truncate(time.Second)
	c.Addresses = positive(c.Addresses, max(c.Sessions/10, 1))
	c.Users = positive(c.Users, max(c.Sessions/2, 1))
	c.Stores = positive(c.Stores, 3)
	c.Roles = positive(c.Roles, 8)
	share := func(v *float64, otherwise float64) {
		if *v == 0 {
			*v = otherwise
		}
		*v = max(*v, 0)
	}
	share(&c.Impersonating, 0.02)
	share(&c.Idle, 0.2)
	share(&c.Expired, 0)
	c.IdleTimeout = positive(c.IdleTimeout, pop.IdleTimeout)
	c.Lifetime = positive(c.Lifetime, pop.Lifetime)
	return c
}

// NewStatic returns a world of exactly c.Sessions sessions of one API. It stands
// still unless it is advanced, when limits take effect, or edited. What it holds
// at first is in no log and no count.
func NewStatic(c Static) *World {
	c = c.filled()
	pop := Population{
		IdleTimeout: c.IdleTimeout, Lifetime: c.Lifetime,
		Purge: 24 * time.Hour, Quantum: time.Second,
		Stay: c.Lifetime / 3,
	}
	config := Config{Seed: c.Seed, Start: c.Now, Tick: time.Second, Rhythm: Steady, Intersight: pop, OAM: pop, Providers: DefaultProviders()}
	w := newWorld(config, c.Now)
	w.intersight.Max, w.intersight.MaxPerUser = max(128, 2*c.Sessions), 32
	p := w.pool(c.API)
	p.log.off = true

	addresses := newAddresses(w.rand, c.Addresses)
	w.people = newPeople(w.rand, c.Users, c.Stores, c.Roles, addresses)
	if c.API == session.Intersight {
		w.enroll()
	}
	ips := newZipf(c.Addresses, 1.1).spread(w.rand, c.Sessions)
	users := newZipf(c.Users, 0.55).spread(w.rand, c.Sessions)
	share := func(f float64) int { return int(f*float64(c.Sessions) + 0.5) }
	impersonating, idle, expired := share(c.Impersonating), share(c.Idle), share(c.Expired)
	flags, ages := w.rand.Perm(c.Sessions), w.rand.Perm(c.Sessions)
	for i := range c.Sessions {
		who := w.people.all[users[i]]
		s := w.plain(p)
		s.ClientIP, s.Role = addresses[ips[i]], who.role
		if c.API == session.OAM {
			s.User, s.Store, s.Impersonating = who.login, who.store, flags[i] < impersonating
			s.ID = oamSessionID(w.rand, s.User, s.Store)
		} else {
			s.User, s.UserMoid, s.FailedLogins = who.email, who.moid, 0
		}
		w.age(&s, ages[i] < idle, ages[i] >= idle && ages[i] < idle+expired)
		if c.API == session.Intersight {
			s.ID = moid(s.Created, w.made)
			s.IdlesAt = s.LastAccess.Add(c.IdleTimeout)
			s.LastLogin, s.LastLoginClient = s.Created, s.ClientIP
		}
		s.Expires = s.Created.Add(c.Lifetime)
		w.admit(p, s, nil)
	}
	p.log.off = false
	return w
}

// age gives a session a past that fits its status. Nothing reaches a limit
// within the next minute.
func (w *World) age(s *Session, idle, expired bool) {
	pop := w.pool(s.API).Population
	between := func(from, to time.Duration) time.Duration {
		if to <= from {
			return from
		}
		return (from + time.Duration(w.rand.Int64N(int64(to-from)))).Truncate(time.Second)
	}
	margin := min(time.Minute, pop.IdleTimeout/4)
	old := between(0, pop.Lifetime-margin)
	unused := between(0, min(old, pop.IdleTimeout-margin))
	if idle {
		old = between(pop.IdleTimeout, pop.Lifetime-margin)
		unused = between(pop.IdleTimeout, old)
	}
	if expired {
		old = pop.Lifetime + between(0, time.Hour)
		unused = between(0, old)
	}
	s.Created = w.now.Add(-old)
	s.LastAccess = w.now.Add(-unused)
	s.Updated = s.LastAccess
}

// Same returns an edit for Add or AddN that gives all the same user, store and
// address.
func Same(user, store, ip string) func(int, *Session) {
	return func(_ int, s *Session) {
		s.User, s.Store, s.ClientIP = user, store, ip
		if s.API == session.Intersight {
			s.UserMoid = fmt.Sprintf("5c00000000000000%08x", uint32(Hash(user)))
		}
	}
}
