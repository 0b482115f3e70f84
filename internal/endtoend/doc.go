// Package endtoend tests everything together: sources that query the simulated
// APIs over real HTTP, a collector that counts, and the world's truth to compare
// with. It also writes the generated parts of docs/ (`make docs`).
package endtoend
