// llama.cpp as npm's node-llama-cpp has it, under as much of OpenAI's API as the benchmark speaks:
// `llamacpp.mjs MODEL SLOTS THREADS PORT`, run where node_modules is.
import {createServer} from "node:http";
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";

const [path, slots, threads, port] = process.argv.slice(2);
const resolved = createRequire(`${process.cwd()}/package.json`).resolve("node-llama-cpp");
const {getLlama} = await import(pathToFileURL(resolved));

const llama = await getLlama({build: "never", gpu: false, logLevel: "error"});
const model = await llama.loadModel({modelPath: path, gpuLayers: 0});
const context = await model.createContext({
    sequences: Number(slots), contextSize: 4096, threads: Number(threads), batchSize: 512, flashAttention: true,
});
const free = Array.from({length: Number(slots)}, () => context.getSequence());

async function complete(request, response) {
    const turns = request.messages.map(({role, content}) => `<|im_start|>${role}\n${content}<|im_end|>\n`);
    const tokens = model.tokenize(`${turns.join("")}<|im_start|>assistant\n`, true);
    const sequence = free.pop();
    await sequence.clearHistory();
    response.writeHead(200, {"content-type": "text/event-stream"});
    const send = (body) => response.write(`data: ${JSON.stringify({object: "chat.completion.chunk", ...body})}\n\n`);
    let written = 0;
    for await (const token of sequence.evaluate(tokens, {temperature: 0, yieldEogToken: true})) {
        written += 1;
        send({choices: [{index: 0, delta: {content: model.detokenize([token]) || " "}, finish_reason: null}]});
        if (written === request.max_tokens) break;
    }
    free.push(sequence);
    const usage = {prompt_tokens: tokens.length, completion_tokens: written, total_tokens: tokens.length + written};
    send({choices: [], usage});
    response.end("data: [DONE]\n\n");
}

createServer((request, response) => {
    if (request.method === "GET") return response.writeHead(200).end("{}");
    let body = "";
    request.on("data", (part) => { body += part; });
    request.on("end", () => complete(JSON.parse(body), response));
}).listen(Number(port), "127.0.0.1");
