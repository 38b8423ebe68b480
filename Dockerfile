# One image for all programs, chosen by target:
#   docker build --target api -t titan-api .
#   docker build --target worker -t titan-worker .
#   docker build --target titan -t titan .
# Node runs the TypeScript sources as they are, so there is nothing to compile.

FROM node:26.10.0-alpine AS dependencies
WORKDIR /app
COPY . .
# What the three programs need, without the tools for development and the local demo.
RUN npx --yes pnpm@12 install --frozen-lockfile --prod \
      --filter-prod '@titan/api...' --filter-prod '@titan/worker...' --filter-prod '@titan/cli...' \
    && rm -rf examples tools/bench tools/chaos tools/servers tools/testkit tools/docs-check

FROM node:26.10.0-alpine AS programs
ENV NODE_ENV=production
WORKDIR /app
# Owned by root, so that the programs cannot change themselves.
COPY --from=dependencies /app ./
USER node

FROM programs AS titan
ENTRYPOINT ["node", "packages/cli/src/cli.ts"]

FROM programs AS worker
ENTRYPOINT ["node", "packages/worker/src/cli.ts"]

FROM programs AS api
# Inside the container the API must listen on the container's own address, so it requires API keys:
#   docker run … titan keys create 'the shop' --scope write
ENV HOST=0.0.0.0 PORT=3000 REQUIRE_API_KEY=true
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["node", "deploy/compose/healthy.mjs", "http://127.0.0.1:3000/readyz"]
ENTRYPOINT ["node", "packages/api/src/cli.ts"]
