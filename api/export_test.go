package api

import (
	"time"

	"github.com/gin-gonic/gin"
)

// Routes are all that the server answers.
func (s *Server) Routes() gin.RoutesInfo { return s.engine.Routes() }

// GiveUpAfter replaces the minute that bodies may stand still. Call it before the
// server answers anything.
func (s *Server) GiveUpAfter(stall time.Duration) { s.stall = stall }
