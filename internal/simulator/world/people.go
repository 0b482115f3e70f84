package world

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// person is somebody who uses both products.
type person struct {
	login string // as OAM knows them
	email string // as Intersight knows them
	moid  string
	role  string
	store string
	local bool     // known to Intersight itself, not through single sign-on
	homes []string // addresses, the usual one first

	failures  int64 // failed Intersight logins since the last one that worked
	lastLogin sessionTime
	user      *User       // in Intersight
	failedAt  []time.Time // the latest failures, where they lock
}

// people is everybody there is.
type people struct {
	all    []*person
	popul  zipf // who logs in how often
	byMail map[string]*person
}

var (
	roleNames = [...]string{
		"Account Administrator", "Read-Only", "User Access Administrator", "Server Administrator",
		"Device Administrator", "Device Technician", "Storage Administrator", "Audit Log Viewer",
		"UCS Domain Administrator", "HyperFlex Cluster Administrator", "Kubernetes Administrator",
		"Workload Optimizer Observer",
	}
	storeNames = [...]string{
		"UserIdentityStore1", "OAMIDSTORE", "oud", "Partner Directory", "LegacyAD", "Contractors",
	}
	firstNames = [...]string{
		"ana", "bo", "carla", "dmitri", "eva", "farid", "grace", "hiro", "ines", "jan", "keiko",
		"liam", "mei", "noor", "olu", "petra", "quentin", "rosa", "sven", "tariq", "uma", "vera",
		"wei", "xenia", "yusuf", "zoe",
	}
	lastNames = [...]string{
		"adler", "brandt", "costa", "dupont", "eriksen", "fischer", "garcia", "haddad", "ivanov",
		"jensen", "kowalski", "lindqvist", "moreau", "nakamura", "okafor", "petrov", "quinn",
		"rossi", "silva", "tanaka", "ueda", "vargas", "weber", "xu", "yilmaz", "zhang",
	}
)

func nameOf(names []string, i int, more string) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s %d", more, i+1)
}

func newPeople(r *rand.Rand, users, stores, roles int, addresses []string) people {
	p := people{popul: newZipf(users, 0.55), byMail: make(map[string]*person, users)}
	where := newZipf(len(addresses), 1.1)
	// A few roles and stores have most of the people.
	roleOf, storeOf := newZipf(roles, 0.9), newZipf(stores, 0.8)
	storesOf := storeOf.spread(r, users)
	for i := range users {
		first, last := firstNames[i%len(firstNames)], lastNames[(i/len(firstNames)+i)%len(lastNames)]
		login := first + "." + last
		if turn := i / (len(firstNames) * len(lastNames)); turn > 0 {
			login += fmt.Sprint(turn + 1)
		}
		one := &person{
			login: login,
			email: login + "@example.com",
			moid:  fmt.Sprintf("5a58c41a37683938%08x", i+1),
			role:  nameOf(roleNames[:], roleOf.draw(r), "Custom Role"),
			store: nameOf(storeNames[:], storesOf[i], "Store"),
			local: i%3 == 0,
		}
		for range 1 + r.IntN(3) {
			one.homes = append(one.homes, addresses[where.draw(r)])
		}
		p.all = append(p.all, one)
		p.byMail[one.email] = one
	}
	return p
}

func (p people) draw(r *rand.Rand) *person { return p.all[p.popul.draw(r)] }

// newAddresses makes n distinct client addresses: offices, VPN, homes, IPv6.
func newAddresses(r *rand.Rand, n int) []string {
	out := make([]string, 0, n)
	seen := make(map[string]bool, n)
	for len(out) < n {
		var a string
		switch x := r.IntN(20); {
		case x < 9: // offices
			a = fmt.Sprintf("10.%d.%d.%d", 20+r.IntN(4), r.IntN(250), 1+r.IntN(254))
		case x < 13: // VPN
			a = fmt.Sprintf("100.%d.%d.%d", 64+r.IntN(64), r.IntN(256), 1+r.IntN(254))
		case x < 18: // at home; the benchmarking range is big enough for many
			a = fmt.Sprintf("198.%d.%d.%d", 18+r.IntN(2), r.IntN(256), 1+r.IntN(254))
		default:
			a = fmt.Sprintf("2001:db8:%x::%x", r.IntN(0xffff)+1, r.IntN(0xffff)+1)
		}
		if !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	return out
}

// oddAddress spells an address as proxies and dual-stack servers do.
func oddAddress(r *rand.Rand, a string) string {
	port := 1024 + r.IntN(64000)
	if strings.Contains(a, ":") {
		return fmt.Sprintf("[%s]:%d", a, port)
	}
	if r.IntN(2) == 0 {
		return "::ffff:" + a
	}
	return fmt.Sprintf("%s:%d", a, port)
}

// strangeAddress is what servers are seen to tell where an address is expected:
// one with a zone, the list of an X-Forwarded-For, or the name of a host.
func strangeAddress(r *rand.Rand, a string) string {
	switch r.IntN(4) {
	case 0:
		return fmt.Sprintf("fe80::%x%%eth0", r.IntN(0xffff)+1)
	case 1:
		return a + ", 203.0.113.7"
	case 2:
		return a + ",203.0.113.7, 203.0.113.8"
	}
	return fmt.Sprintf("workstation-%d.example.com", r.IntN(20))
}
