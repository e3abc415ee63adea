// Node's own http server.
const { execFile } = require("node:child_process");
const http = require("node:http");

const delay = Number(process.env.DELAY_MS ?? 10);

function answer(response, nonce, text) {
  response.setHeader("Content-Type", "text/plain");
  response.end(`${nonce}\n${text}`);
}

http
  .createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    const nonce = url.searchParams.get("nonce") ?? "";
    request.resume();
    setTimeout(() => {
      if (url.pathname === "/exec") {
        execFile("sh", ["-c", "id", nonce], (error, out) => answer(response, nonce, error ? String(error) : out));
      } else {
        answer(response, nonce, "");
      }
    }, delay);
  })
  .listen(Number(process.env.PORT), "127.0.0.1");
