package api

import "github.com/gin-gonic/gin"

// Routes are all that the server answers.
func (s *Server) Routes() gin.RoutesInfo { return s.engine.Routes() }
