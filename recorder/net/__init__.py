"""The only sockets: HTTP by aiohttp, WebSocket by websockets."""
