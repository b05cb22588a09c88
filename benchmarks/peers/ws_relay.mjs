// The relay on ws, for Node.js.
import { readFileSync } from "node:fs";
import { createServer as createPlainServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { WebSocketServer } from "ws";

const [port, certificate, key] = process.argv.slice(2);
const server = certificate
  ? createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) })
  : createPlainServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
const clients = new Set();

sockets.on("connection", (socket, request) => {
  if (request.url === "/client") {
    clients.add(socket);
    socket.on("close", () => clients.delete(socket));
    return;
  }
  let cameraId = "";
  socket.on("message", (message) => {
    const said = JSON.parse(message);
    if (said.type === "identifier") {
      cameraId = said.id;
    } else if (said.type === "boundingBoxes") {
      const { frameId, boxes } = said;
      const text = JSON.stringify({ type: "boundingBoxes", cameraId, frameId, boxes });
      for (const client of clients) client.send(text);
    }
  });
});

server.listen(Number(port), "127.0.0.1", 1024);
