// Package world is one seeded, moving world of people and their sessions in both
// products. A [World] knows the truth: [World.Truth] lists the sessions as the
// APIs should list them now, [World.Counts] and [World.Events] tell what has
// happened. A [NewStatic] one stands still until it is edited.
package world
