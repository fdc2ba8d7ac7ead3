%% The processes and tables that all vhosts of a node share. Runs while any vhost has the module.
-module(push_service_sup).

-behaviour(supervisor).

-export([start/0, stop/0, start_link/0, init/1]).

%% Under ejabberd's supervisor of modules, started by the first vhost.
-spec start() -> ok.
start() ->
    Spec = #{id => ?MODULE, start => {?MODULE, start_link, []}, type => supervisor,
             restart => permanent, shutdown => infinity},
    case supervisor:start_child(ejabberd_gen_mod_sup, Spec) of
        {ok, _} -> ok;
        {error, {already_started, _}} -> ok
    end.

-spec stop() -> ok.
stop() ->
    _ = supervisor:terminate_child(ejabberd_gen_mod_sup, ?MODULE),
    _ = supervisor:delete_child(ejabberd_gen_mod_sup, ?MODULE),
    ok.

-spec start_link() -> {ok, pid()} | ignore | {error, term()}.
start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

%% The tables are this process's, so that a crash of the process that writes them loses nothing.
-spec init([]) -> {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init([]) ->
    ok = push_counters:init(),
    ok = push_settings:init(),
    ok = push_sessions:init(),
    ok = push_apps:init_table(),
    ok = push_loader:init_queue(),
    ok = mod_push_service:restore_settings(),
    Flags = #{strategy => one_for_one, intensity => 5, period => 10},
    {ok, {Flags, [#{id => Id, start => {Id, start_link, []}, shutdown => 30000}
                  || Id <- [push_once, push_loader, push_apps]]}}.
