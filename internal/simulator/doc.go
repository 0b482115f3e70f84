// Package simulator serves the session APIs of Cisco Intersight and Oracle
// Access Manager from one seeded, moving world of people who log in, work, idle,
// log out, fail to log in and are thrown out.
//
// A [World] knows the truth: [World.Truth] lists the sessions as the APIs should
// list them now, [World.Counts] and [World.Events] tell what has happened.
// [NewIntersight] and [NewOAM] serve it over HTTP, as awkwardly as the real
// products are said to; [Faults] adds what networks and proxies do; [Serve]
// puts a handler on a loopback port; [StartDemo] does all of it in real time.
//
// The same configuration and seed always make the same world, however its time
// is stepped. What handlers choose at random (the order of a listing, which rows
// are drawn) comes from their own generators and does not disturb it.
package simulator
