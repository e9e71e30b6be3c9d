// Package deploy checks what roomreel is deployed with: the compose file, the
// Kubernetes manifests, the systemd unit, the dashboard and the alert rules. It
// is a module of its own, so that the tools' libraries stay out of roomreel's.
package deploy
