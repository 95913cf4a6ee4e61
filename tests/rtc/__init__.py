"""Calls between real WebRTC peers, through a real server."""
