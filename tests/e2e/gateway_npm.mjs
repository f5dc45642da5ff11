// SPDX-License-Identifier: Apache-2.0
// Uses clients from npm against a gateway, for test_gateway_npm.py: gateway_npm.mjs CLIENT FOLDER
// URL ID SECRET, where FOLDER has node_modules. Exits with an error if an answer is not the expected one.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { Readable } from "node:stream";

const [client, folder, url, accessKeyId, secretAccessKey] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const large = randomBytes(17_000_000);
const odd = "trip/é€+= & sea.bin";

async function collect(stream) {
    const chunks = [];
    for await (const chunk of stream)
        chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
}

async function aws() {
    const s3 = require("@aws-sdk/client-s3");
    const { Upload } = require("@aws-sdk/lib-storage");
    const { getSignedUrl } = require("@aws-sdk/s3-request-presigner");
    const Bucket = "photos";
    const options = secret => ({ endpoint: url, region: "eu-central-1", forcePathStyle: true, maxAttempts: 1,
        credentials: { accessKeyId, secretAccessKey: secret } });
    const one = new s3.S3Client(options(secretAccessKey));
    const get = async (Key, more = {}) =>
        collect((await one.send(new s3.GetObjectCommand({ Bucket, Key, ...more }))).Body);

    await one.send(new s3.PutObjectCommand({ Bucket, Key: "a.txt", Body: "hello" }));
    await one.send(new s3.PutObjectCommand({ Bucket, Key: "empty", Body: "" }));
    await one.send(new s3.PutObjectCommand({ Bucket, Key: odd, Body: "odd", Metadata: { a: "b" } }));
    assert.equal((await get("a.txt")).toString(), "hello");
    assert.equal((await get("empty")).length, 0);
    assert.equal((await get("a.txt", { Range: "bytes=1-2" })).toString(), "el");
    assert.equal((await one.send(new s3.HeadObjectCommand({ Bucket, Key: odd }))).Metadata.a, "b");
    // A stream of unknown length, in parts that arrive in any order.
    await new Upload({ client: one, params: { Bucket, Key: "large", Body: Readable.from([large]) } }).done();
    assert.ok((await get("large")).equals(large));
    await one.send(new s3.CopyObjectCommand({ Bucket, Key: "copy", CopySource: "photos/a.txt" }));
    const listed = await one.send(new s3.ListObjectsV2Command({ Bucket }));
    assert.deepEqual(listed.Contents.map(row => row.Key), ["a.txt", "copy", "empty", "large", odd]);
    const signed = await getSignedUrl(one, new s3.GetObjectCommand({ Bucket, Key: odd }));
    assert.equal(await (await fetch(signed)).text(), "odd");
    const put = await getSignedUrl(one, new s3.PutObjectCommand({ Bucket, Key: "put" }));
    assert.equal((await fetch(put, { method: "PUT", body: "sent" })).status, 200);
    assert.equal((await get("put")).toString(), "sent");
    const wrong = new s3.S3Client(options("x".repeat(40)));
    await assert.rejects(wrong.send(new s3.ListObjectsV2Command({ Bucket })), { name: "SignatureDoesNotMatch" });
    const Objects = ["a.txt", "copy", "empty", "large", odd, "put"].map(Key => ({ Key }));
    const gone = await one.send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    assert.equal(gone.Deleted.length, 6);
    assert.equal((await one.send(new s3.ListObjectsV2Command({ Bucket }))).KeyCount, 0);
}

async function minio() {
    const { Client } = require("minio");
    const at = new URL(url);
    const options = secretKey => ({ endPoint: at.hostname, port: Number(at.port), useSSL: false,
        accessKey: accessKeyId, secretKey, region: "us-east-1", pathStyle: true });
    const one = new Client(options(secretAccessKey));
    const bucket = "photos";
    const get = async key => collect(await one.getObject(bucket, key));

    assert.ok(await one.bucketExists(bucket));
    await one.putObject(bucket, "a.txt", "hello");
    await one.putObject(bucket, "empty", "");
    await one.putObject(bucket, odd, "odd", undefined, { "X-Amz-Meta-A": "b" });
    assert.equal((await get("a.txt")).toString(), "hello");
    assert.equal((await get("empty")).length, 0);
    assert.equal((await collect(await one.getPartialObject(bucket, "a.txt", 1, 2))).toString(), "el");
    assert.equal((await one.statObject(bucket, odd)).metaData.a, "b");
    await one.putObject(bucket, "large", Readable.from([large]));
    assert.ok((await get("large")).equals(large));
    const names = (await one.listObjectsV2(bucket, "", true).toArray()).map(row => row.name);
    assert.deepEqual(names, ["a.txt", "empty", "large", odd]);
    assert.equal(await (await fetch(await one.presignedGetObject(bucket, odd, 60))).text(), "odd");
    const put = await one.presignedPutObject(bucket, "put", 60);
    assert.equal((await fetch(put, { method: "PUT", body: "sent" })).status, 200);
    assert.equal((await get("put")).toString(), "sent");
    const wrong = new Client(options("x".repeat(40)));
    await assert.rejects(wrong.putObject(bucket, "b", "x"), { code: "SignatureDoesNotMatch" });
    await one.removeObjects(bucket, ["a.txt", "empty", "large", odd, "put"]);
    assert.equal((await one.listObjectsV2(bucket, "", true).toArray()).length, 0);
}

await { aws, minio }[client]();
