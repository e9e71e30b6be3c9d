package main

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

// metrics counts what this process does, under names in LiveKit's style: the
// namespace, and the node as a constant label.
type metrics struct {
	registry *prometheus.Registry

	packets, lost, bytes *prometheus.CounterVec // by kind
	attempts             *prometheus.CounterVec // by queue and result
	films                *prometheus.CounterVec // by state
	egresses             *prometheus.CounterVec // by status
	recordings, tracks   prometheus.Gauge

	mu   sync.Mutex
	live map[string]map[string]recording.LiveTrack // by recording and track
	room map[string]string                         // of a recording that runs
}

const namespace = "roomreel"

// newMetrics returns metrics that have yet to be told of what the process has.
func newMetrics(node string) *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), live: map[string]map[string]recording.LiveTrack{}, room: map[string]string{}}
	label := prometheus.Labels{"node_id": node}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: label}, labels)
		m.registry.MustRegister(c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: label})
		m.registry.MustRegister(g)
		return g
	}
	m.packets = counter("packets_total", "RTP packets received for recordings.", "kind")
	m.lost = counter("packets_lost_total", "RTP packets lost for good.", "kind")
	m.bytes = counter("media_bytes_total", "Bytes of media received for recordings.", "kind")
	m.attempts = counter("delivery_attempts_total", "Attempts at deliveries: done, pending (to be tried again) or failed.", "queue", "result")
	m.films = counter("compositions_total", "Films that this node finished, by final state.", "state")
	m.egresses = counter("egresses_ended_total", "Egresses whose end this node told LiveKit, by LiveKit's status.", "status")
	m.recordings = gauge("recordings", "Recordings that run on this node.")
	m.tracks = gauge("tracks", "Tracks that are being recorded on this node.")
	m.begins()
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// begins counts 0 of all that can happen: in a series that is first seen at 1, no
// alert finds an increase (Prometheus, Instrumentation, "Avoid missing metrics").
func (m *metrics) begins() {
	for _, kind := range []recording.Kind{recording.Audio, recording.Video} {
		for _, c := range []*prometheus.CounterVec{m.packets, m.lost, m.bytes} {
			c.WithLabelValues(string(kind))
		}
	}
	for _, queue := range []string{"webhooks", "uploads"} {
		for _, result := range []deliver.State{deliver.Done, deliver.Pending, deliver.Failed} {
			m.attempts.WithLabelValues(queue, string(result))
		}
	}
	for _, state := range []recording.CompositionState{recording.CompositionReady, recording.CompositionFailed, recording.CompositionCanceled} {
		m.films.WithLabelValues(string(state))
	}
	for status := livekit.EgressStatus_EGRESS_COMPLETE; status <= livekit.EgressStatus_EGRESS_LIMIT_REACHED; status++ {
		m.egresses.WithLabelValues(statusLabel(status))
	}
}

// watchNode adds what the node tells of itself.
func (m *metrics) watchNode(n *coord.Node) {
	add := func(name, help string, value func(coord.NodeInfo) float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: "node", Name: name, Help: help, ConstLabels: prometheus.Labels{"node_id": n.Info().Name},
		}, func() float64 { return value(n.Info()) }))
	}
	add("can_accept", "1 while the node would take another room.", func(i coord.NodeInfo) float64 {
		if i.CanAccept() {
			return 1
		}
		return 0
	})
	add("load_ratio", "How much of the node is in use, 0 to 1.", coord.NodeInfo.Load)
	add("cpu_ratio", "Share of the machine's processors that the node uses, 0 to 1.", func(i coord.NodeInfo) float64 { return i.CPU })
	add("rooms", "Rooms that the node records.", func(i coord.NodeInfo) float64 { return float64(i.Rooms) })
	add("max_rooms", "Rooms that the node records at most; 0 is no limit.", func(i coord.NodeInfo) float64 { return float64(i.MaxRooms) })
	add("disk_free_bytes", "Space that is left for recordings.", func(i coord.NodeInfo) float64 { return float64(i.DiskFree) })
}

// watchWebhooks adds how much waits for the receivers of webhooks.
func (m *metrics) watchWebhooks(hooks *deliver.Webhooks, log *slog.Logger) {
	m.registry.MustRegister(&backlog{hooks: hooks, log: log, pending: prometheus.NewDesc(
		prometheus.BuildFQName(namespace, "webhooks", "pending"), "Webhooks that wait for an endpoint, on all nodes.", []string{"endpoint"}, nil,
	)})
}

// attempted counts the attempts of a queue.
func (m *metrics) attempted(queue string) func(deliver.State) {
	return func(s deliver.State) { m.attempts.WithLabelValues(queue, string(s)).Inc() }
}

// egressEnded counts egresses as they end.
func (m *metrics) egressEnded(status livekit.EgressStatus) {
	m.egresses.WithLabelValues(statusLabel(status)).Inc()
}

func statusLabel(status livekit.EgressStatus) string {
	return strings.ToLower(strings.TrimPrefix(status.String(), "EGRESS_"))
}

// composed counts films that become final, before others are told.
func (m *metrics) composed(tell func(context.Context, recording.Composition)) func(context.Context, recording.Composition) {
	return func(ctx context.Context, c recording.Composition) {
		if c.State.Final() {
			m.films.WithLabelValues(string(c.State)).Inc()
		}
		tell(ctx, c)
	}
}

// observe counts what a bot reports. Reports tell totals, and not of tracks that
// are gone.
func (m *metrics) observe(r coord.Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Live != nil {
		now := map[string]recording.LiveTrack{}
		for _, t := range r.Live {
			before, kind := m.live[r.ID][t.SID], string(t.Kind)
			m.packets.WithLabelValues(kind).Add(float64(max(0, t.Packets-before.Packets)))
			m.lost.WithLabelValues(kind).Add(float64(max(0, t.Lost-before.Lost)))
			m.bytes.WithLabelValues(kind).Add(float64(max(0, t.Bytes-before.Bytes)))
			now[t.SID] = t
		}
		m.live[r.ID] = now
	}
	if r.Ended != "" || r.Err != nil {
		m.forget(r.ID)
	}
	m.count()
}

// begin, end and leave keep count of what runs.
func (m *metrics) begin(id, room string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.room[id] = room
	m.count()
}

func (m *metrics) end(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(id)
	m.count()
}

func (m *metrics) leave(room string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, of := range m.room {
		if of == room {
			m.forget(id)
		}
	}
	m.count()
}

func (m *metrics) forget(id string) {
	delete(m.live, id)
	delete(m.room, id)
}

func (m *metrics) count() {
	tracks := 0
	for _, list := range m.live {
		tracks += len(list)
	}
	m.recordings.Set(float64(len(m.room)))
	m.tracks.Set(float64(tracks))
}

// handler serves the metrics to scrapers.
func (m *metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
	})
}

// backlog asks Redis at each scrape how much waits.
type backlog struct {
	hooks   *deliver.Webhooks
	log     *slog.Logger
	pending *prometheus.Desc
}

func (b *backlog) Describe(c chan<- *prometheus.Desc) { c <- b.pending }

func (b *backlog) Collect(c chan<- prometheus.Metric) {
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	list, err := b.hooks.Endpoints(ctx)
	if err != nil {
		b.log.Warn("the backlog of webhooks is not known", "error", err)
		return
	}
	for _, e := range list {
		c <- prometheus.MustNewConstMetric(b.pending, prometheus.GaugeValue, float64(e.Pending), e.ID)
	}
}
