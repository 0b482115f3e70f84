// Package detection holds snapshots of sessions against detections, and turns
// what it finds into alerts. It is pure: it does no I/O and has no clock.
//
// Its way is: Evaluate judges one snapshot by the settings of its source and
// returns findings; an Engine, one for each source, follows findings from
// snapshot to snapshot and says which alerts are owed to Alertmanager, and when.
//
// A detection is a file of its own and a line of All. Settings, metrics, help
// and documents are made from that line.
package detection
