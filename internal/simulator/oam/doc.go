// Package oam serves the sessions of a world as the session search of Oracle
// Access Manager does: at most a window of them, and a total.
//
// The API: https://docs.oracle.com/en/middleware/idm/access-manager/14.1.2/orsnm/op-sessions-post.html
package oam
