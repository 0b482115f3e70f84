// Package simulator serves the session APIs of Cisco Intersight and Oracle
// Access Manager from one seeded, moving world of people who log in, work, idle,
// log out, fail to log in and are thrown out. Here are [Serve], which puts a
// handler on a loopback port, and [StartDemo], which runs both APIs in real time.
// The rooms:
//
//   - world knows the truth: which sessions the APIs should list now, and what
//     has happened.
//   - intersight and oam serve it over HTTP, as awkwardly as the real products
//     are said to.
//   - wire writes their answers.
//   - faults adds what networks, proxies and attackers do, for tests alone.
//
// The same configuration and seed always make the same world, however its time
// is stepped. What handlers choose at random (the order of a listing, which rows
// are drawn) comes from their own generators and does not disturb it.
package simulator
