%% The processes that all vhosts of a node share. push_service sees to it that it runs.
-module(push_service_sup).

-behaviour(supervisor).

-export([start_link/0, init/1]).

-spec start_link() -> {ok, pid()} | ignore | {error, term()}.
start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

-spec init([]) -> {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init([]) ->
    Flags = #{strategy => one_for_one, intensity => 5, period => 10},
    {ok, {Flags, [#{id => Id, start => {Id, start_link, []}, shutdown => 30000}
                  || Id <- [push_once, push_loader, push_usage, push_removals, push_apps,
                            push_component]]}}.
