// Package packaging tests what ships with the program in deploy/: the systemd
// unit, the Kubernetes manifests and, with the build tags image and packages, the
// container images and the Linux packages. It is a module of its own, so that the
// exporter does not depend on Kubernetes.
package packaging
