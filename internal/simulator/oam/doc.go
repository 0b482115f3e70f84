// Package oam serves the sessions of a world as the session search of Oracle
// Access Manager does: at most a window of them, and a total.
package oam
