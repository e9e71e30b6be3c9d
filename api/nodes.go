package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Node is a process that records.
type Node struct {
	Name      string    `json:"name" doc:"How it is called." example:"node-1"`
	Version   string    `json:"version,omitempty" doc:"Version of the program." example:"v1.2.0"`
	Since     time.Time `json:"since" doc:"When it came up." example:"2026-03-01T06:00:00Z"`
	Rooms     int       `json:"rooms" doc:"Rooms that it records." example:"3"`
	MaxRooms  int       `json:"max_rooms" doc:"Rooms that it records at most; 0 means no limit." example:"10"`
	Load      float64   `json:"load" minimum:"0" maximum:"1" doc:"How much of it is in use: of its processors or of its rooms, whichever is more." example:"0.3"`
	CanAccept bool      `json:"can_accept" doc:"It would take another room." example:"true"`
	Draining  bool      `json:"draining" doc:"It is shutting down and hands its rooms over." example:"false"`
	DiskFree  int64     `json:"disk_free_bytes" doc:"Space that is left for recordings." example:"512000000000"`
}

// NodeList lists the nodes.
type NodeList struct {
	Data []Node `json:"data" doc:"The nodes that are alive, by name."`
}

type nodesOutput struct{ Body NodeList }

func (s *Server) routeNodes() {
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "list-nodes", Method: http.MethodGet, Path: "/v1/nodes", Tags: []string{"nodes"},
			Summary:     "List the nodes",
			Description: "The processes that record. One that is gone without a word leaves the list within seconds.",
		},
		access: operatorAccess,
	}, func(ctx context.Context, _ *struct{}) (*nodesOutput, error) {
		nodes, err := s.nodes.Nodes(ctx)
		if err != nil {
			return nil, err
		}
		return &nodesOutput{NodeList{each(nodes, func(n Node) Node { return n })}}, nil
	})
}
